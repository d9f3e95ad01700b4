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
    GPtrArray *items;    /* Item, as they were added */
    GAsyncQueue *queue;  /* of Item, for the thread; the committer itself ends it */
    CcbLayer *published; /* the last one that the thread published */
    GError *error;       /* of the first that failed: nothing can lie on it */
    gint failed;         /* set after `error`, for the other thread */
    GThread *thread;
};

static void item_free(gpointer data)
{
    Item *item = data;
    ccb_close_fd(&item->lock);
    ccb_layer_free(item->layer);
    g_free(item);
}

static gpointer run(gpointer data)
{
    CcbCommitter *c = data;
    for (gpointer next; (next = g_async_queue_pop(c->queue)) != c;) {
        Item *item = next;
        if (c->error != NULL)
            continue;
        if (c->published != NULL) {
            g_free(item->layer->parent_sha256);
            item->layer->parent_sha256 = g_strdup(c->published->sha256);
        }
        item->committed = ccb_layer_publish(item->layer, &item->base, &c->error);
        if (!item->committed) {
            g_atomic_int_set(&c->failed, true);
            continue;
        }
        c->published = item->layer;
        /* Other processes that wait for the layer need not wait for the end of our bake. */
        flock(item->lock, LOCK_SH);
    }
    return NULL;
}

CcbCommitter *ccb_committer_new(void)
{
    CcbCommitter *c = g_new0(CcbCommitter, 1);
    c->items = g_ptr_array_new_with_free_func(item_free);
    c->queue = g_async_queue_new();
    c->thread = g_thread_new("commit", run, c);
    return c;
}

void ccb_committer_add(CcbCommitter *c, CcbLayer *layer, const CcbLayerBase *base, int lock)
{
    Item *item = g_new0(Item, 1);
    *item = (Item){.layer = layer, .base = *base, .lock = lock};
    g_ptr_array_add(c->items, item);
    g_async_queue_push(c->queue, item);
}

bool ccb_committer_has_failed(CcbCommitter *c)
{
    return g_atomic_int_get(&c->failed);
}

const char *ccb_committer_last(const CcbCommitter *c)
{
    return c->items->len > 0 ? ((Item *)c->items->pdata[c->items->len - 1])->layer->key : NULL;
}

bool ccb_committer_finish(CcbCommitter *c, GArray *use, CcbLayer **ret_top, GError **error)
{
    g_async_queue_push(c->queue, c);
    g_thread_join(c->thread);
    *ret_top = NULL;
    /* The overlays lie on one another, so none goes before all are committed. */
    for (guint i = 0; i < c->items->len; i++) {
        Item *item = c->items->pdata[i];
        ccb_layer_abandon(item->layer->key);
        if (!item->committed)
            continue;
        ccb_layer_use(use, ccb_steal_fd(&item->lock));
        ccb_layer_free(*ret_top);
        *ret_top = g_steal_pointer(&item->layer);
    }
    bool ok = c->error == NULL;
    if (!ok)
        g_propagate_error(error, c->error);
    g_ptr_array_unref(c->items);
    g_async_queue_unref(c->queue);
    g_free(c);
    return ok;
}
