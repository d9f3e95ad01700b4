/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-reader.h"

#include <sched.h>

#include "base/cancel.h"
#include "base/error.h"

enum {
    THREADS_MAX = 8,
    BATCH = 8,      /* clusters that a thread works on at a time */
    LOOKUPS = 4096, /* for a batch at most, so that a disk of holes can be cancelled, too */
};

typedef struct {
    CcbCluster clusters[BATCH];
    unsigned n;
    GArray *pieces; /* of CcbPiece; the clusters point into it */
    uint64_t end;   /* of the part of the disk that the batch takes care of */
    bool done;
    GError *error;
} Batch;

/* Batches are counted: written <= submitted <= written + n_slots; batch i lives in slot i % n_slots. */
struct CcbReader {
    CcbQcow2Chain *chain;
    CcbReaderOptions options;
    GThreadPool *pool;
    GAsyncQueue *workers; /* CcbClusterWorker, one for each thread */
    GMutex lock;          /* of Batch.done */
    GCond done;
    Batch *slots;
    unsigned n_slots;
    uint64_t submitted, written;
    uint64_t offset;   /* of the disk: what is before it was looked up */
    Batch *batch;      /* whose clusters are given out; or NULL */
    unsigned next;     /* the next one of it */
    uint64_t position; /* of the disk: what is before it was given out */
};

static bool map(const CcbReader *r, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                GError **error)
{
    return r->options.top ? ccb_qcow2_chain_map_top(r->chain, offset, size, ret_piece, error)
                          : ccb_qcow2_chain_map(r->chain, offset, size, ret_piece, error);
}

/* What is not written. */
static bool is_hole(const CcbReader *r, const CcbPiece *piece)
{
    return piece->kind == (r->options.top ? CCB_QCOW2_UNALLOCATED : CCB_QCOW2_ZERO);
}

static uint64_t rest(const CcbReader *r)
{
    return ccb_qcow2_chain_size(r->chain) - r->offset;
}

/* Adds the clusters from here on that the first file says are zeros, if there are any. */
static bool add_zeros(CcbReader *r, Batch *batch, GError **error)
{
    uint64_t begin = r->offset;
    for (CcbPiece piece; rest(r) > 0; r->offset += piece.size) {
        if (!map(r, r->offset, MIN(rest(r), CCB_CLUSTER), &piece, error))
            return false;
        if (piece.kind != CCB_QCOW2_ZERO)
            break;
    }
    if (r->offset > begin) {
        CcbCluster *cluster = &batch->clusters[batch->n++];
        cluster->index = begin / CCB_CLUSTER;
        cluster->count = (r->offset - begin + CCB_CLUSTER - 1) / CCB_CLUSTER;
        cluster->n_pieces = 0;
    }
    return true;
}

/* Adds the cluster that begins here, unless it is a single hole. */
static bool add_cluster(CcbReader *r, Batch *batch, GError **error)
{
    CcbCluster *cluster = &batch->clusters[batch->n];
    uint64_t size = MIN(rest(r), CCB_CLUSTER);
    guint first = batch->pieces->len;
    bool something = false;
    for (uint64_t done = 0; done < size;) {
        CcbPiece piece;
        if (!map(r, r->offset + done, size - done, &piece, error))
            return false;
        something |= !is_hole(r, &piece);
        g_array_append_val(batch->pieces, piece);
        done += piece.size;
    }
    cluster->index = r->offset / CCB_CLUSTER;
    cluster->count = 1;
    cluster->n_pieces = batch->pieces->len - first;
    if (something)
        batch->n++;
    else
        g_array_set_size(batch->pieces, first);
    r->offset += size;
    return true;
}

static bool fill(CcbReader *r, Batch *batch, GError **error)
{
    batch->n = 0;
    batch->done = false;
    g_array_set_size(batch->pieces, 0);
    for (unsigned i = 0; i < LOOKUPS && rest(r) > 0 && batch->n < BATCH; i++) {
        CcbPiece piece;
        if (!map(r, r->offset, rest(r), &piece, error))
            return false;
        /* All clusters of a hole at once. */
        if (is_hole(r, &piece))
            r->offset +=
                piece.size == rest(r) ? piece.size : piece.size / CCB_CLUSTER * CCB_CLUSTER;
        unsigned before = batch->n;
        if (r->options.top && !add_zeros(r, batch, error))
            return false;
        if (batch->n == before && rest(r) > 0 && !add_cluster(r, batch, error))
            return false;
    }
    /* Only now does the array stay where it is. */
    const CcbPiece *pieces = (const CcbPiece *)(void *)batch->pieces->data;
    for (unsigned i = 0; i < batch->n; pieces += batch->clusters[i++].n_pieces)
        batch->clusters[i].pieces = pieces;
    batch->end = r->offset;
    return true;
}

/* In a thread of the pool. */
static void process(gpointer data, gpointer user)
{
    Batch *batch = data;
    CcbReader *r = user;
    CcbClusterWorker *worker = g_async_queue_pop(r->workers);
    for (unsigned i = 0; i < batch->n && batch->error == NULL; i++)
        ccb_cluster_process(worker, &batch->clusters[i], &batch->error);
    g_async_queue_push(r->workers, worker);
    g_mutex_lock(&r->lock);
    batch->done = true;
    g_cond_signal(&r->done);
    g_mutex_unlock(&r->lock);
}

/* Looks up what comes next, so that all threads have work; then waits for the oldest batch.  r->batch is NULL at the
 * end. */
static bool take_batch(CcbReader *r, GError **error)
{
    while (rest(r) > 0 && r->submitted - r->written < r->n_slots) {
        Batch *batch = &r->slots[r->submitted % r->n_slots];
        if (ccb_cancel_check(error) || !fill(r, batch, error))
            return false;
        g_thread_pool_push(r->pool, batch, NULL); /* fails only to start a thread: all are there */
        r->submitted++;
    }
    r->next = 0;
    r->batch = NULL;
    if (r->written == r->submitted)
        return true;
    Batch *oldest = &r->slots[r->written % r->n_slots];
    g_mutex_lock(&r->lock);
    while (!oldest->done)
        g_cond_wait(&r->done, &r->lock);
    g_mutex_unlock(&r->lock);
    if (oldest->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&oldest->error));
        return false;
    }
    r->batch = oldest;
    return true;
}

bool ccb_reader_next(CcbReader *r, const CcbCluster **ret_cluster, GError **error)
{
    while (r->batch == NULL || r->next == r->batch->n) {
        if (r->batch != NULL) {
            r->position = r->batch->end;
            r->written++;
        }
        if (ccb_cancel_check(error) || !take_batch(r, error))
            return false;
        if (r->batch == NULL) {
            *ret_cluster = NULL;
            return true;
        }
    }
    *ret_cluster = &r->batch->clusters[r->next++];
    return true;
}

uint64_t ccb_reader_position(const CcbReader *r)
{
    return r->position;
}

CcbReader *ccb_reader_new(CcbQcow2Chain *chain, const CcbReaderOptions *options, GError **error)
{
    /* The cores that we may run on, which need not be all. */
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    unsigned threads = (unsigned)CLAMP(cores, 1, THREADS_MAX);
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbReader) r = g_new0(CcbReader, 1);
    r->chain = chain;
    r->options = *options;
    g_mutex_init(&r->lock);
    g_cond_init(&r->done);
    r->workers = g_async_queue_new_full((GDestroyNotify)ccb_cluster_worker_free);
    for (unsigned i = 0; i < threads; i++)
        g_async_queue_push(r->workers, ccb_cluster_worker_new(options->compress));
    r->n_slots = 2 * threads + 2;
    r->slots = g_new0(Batch, r->n_slots);
    for (unsigned i = 0; i < r->n_slots; i++)
        r->slots[i].pieces = g_array_new(FALSE, FALSE, sizeof(CcbPiece));
    r->pool = g_thread_pool_new(process, r, (gint)threads, TRUE, &reason);
    if (reason == NULL)
        return g_steal_pointer(&r);
    ccb_fail(error, CCB_ERR_HOST, "can't start a thread: %s", reason->message);
    return NULL;
}

void ccb_reader_free(CcbReader *r)
{
    if (r == NULL)
        return;
    if (r->pool != NULL)
        g_thread_pool_free(r->pool, TRUE, TRUE);
    for (unsigned i = 0; i < r->n_slots; i++) {
        g_array_unref(r->slots[i].pieces);
        g_clear_error(&r->slots[i].error);
    }
    g_async_queue_unref(r->workers);
    g_cond_clear(&r->done);
    g_mutex_clear(&r->lock);
    g_free(r->slots);
    g_free(r);
}
