/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/commit.h"

#include <sys/file.h>

#include "base/cleanup.h"

typedef struct {
    CcbLayer *layer;
    CcbLayerBase base;
    int lock;
    bool committed;
} Item;

struct CcbCommitter {
    GPtrArray *items; /* Item, as they were added; the thread's only while they are in the queue */
    GAsyncQueue *queue;  /* of Item; the committer itself ends it */
    CcbLayer *published; /* by the thread; the last */
    GError *error;       /* of the first that failed: nothing can lie on it */
    gint failed;         /* set after it, for the other thread */
    GThread *thread;
};

static void item_free(gpointer data)
{
    Item *item = data;
    ccb_close_fd(&item->lock);
    ccb_layer_free(item->layer);
    g_free(item);
}

/* Others who wait for the layer go on as soon as it is there, and not only when our bake has ended. */
static void commit(CcbCommitter *f, Item *item)
{
    if (f->published != NULL) {
        g_free(item->layer->parent_sha256);
        item->layer->parent_sha256 = g_strdup(f->published->sha256);
    }
    item->committed = ccb_layer_publish(item->layer, &item->base, &f->error);
    if (!item->committed) {
        g_atomic_int_set(&f->failed, true);
        return;
    }
    flock(item->lock, LOCK_SH);
    f->published = item->layer;
}

static gpointer run(gpointer data)
{
    CcbCommitter *f = data;
    for (gpointer next; (next = g_async_queue_pop(f->queue)) != f;)
        if (f->error == NULL)
            commit(f, next);
    return NULL;
}

CcbCommitter *ccb_committer_new(void)
{
    CcbCommitter *f = g_new0(CcbCommitter, 1);
    f->items = g_ptr_array_new_with_free_func(item_free);
    f->queue = g_async_queue_new();
    f->thread = g_thread_new("commit", run, f);
    return f;
}

void ccb_committer_add(CcbCommitter *f, CcbLayer *layer, const CcbLayerBase *base, int lock)
{
    Item *item = g_new0(Item, 1);
    *item = (Item){.layer = layer, .base = *base, .lock = lock};
    g_ptr_array_add(f->items, item);
    g_async_queue_push(f->queue, item);
}

bool ccb_committer_has_failed(CcbCommitter *f)
{
    return g_atomic_int_get(&f->failed);
}

const char *ccb_committer_last(const CcbCommitter *f)
{
    return f->items->len > 0 ? ((Item *)f->items->pdata[f->items->len - 1])->layer->key : NULL;
}

/* The overlays lie on one another by name, so none may go before all are committed. */
static void take_committed(CcbCommitter *f, GArray *use, CcbLayer **ret_top)
{
    *ret_top = NULL;
    for (guint i = 0; i < f->items->len; i++) {
        Item *item = f->items->pdata[i];
        ccb_layer_abandon(item->layer->key);
        if (!item->committed)
            continue;
        ccb_layer_use(use, ccb_steal_fd(&item->lock));
        ccb_layer_free(*ret_top);
        *ret_top = g_steal_pointer(&item->layer);
    }
}

bool ccb_committer_finish(CcbCommitter *f, GArray *use, CcbLayer **ret_top, GError **error)
{
    g_async_queue_push(f->queue, f);
    g_thread_join(f->thread);
    take_committed(f, use, ret_top);
    bool ok = f->error == NULL;
    if (!ok)
        g_propagate_error(error, f->error);
    g_ptr_array_unref(f->items);
    g_async_queue_unref(f->queue);
    g_free(f);
    return ok;
}
