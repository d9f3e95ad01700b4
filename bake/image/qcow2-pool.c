/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-pool.h"

#include <pthread.h>

#include "base/error.h"

/* Batches are counted: written <= taken <= submitted <= written + n_slots; batch i lives in slot i
 * % n_slots. */
struct CcbPool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool compress, stop;
    uint64_t submitted, taken, written;
    CcbBatch *slots;
    unsigned n_slots, n_threads;
    pthread_t *threads;
};

static CcbBatch *slot(CcbPool *pool, uint64_t i)
{
    return &pool->slots[i % pool->n_slots];
}

/* The next batch to work on, or NULL at the end. */
static CcbBatch *take_work(CcbPool *pool)
{
    while (pool->taken == pool->submitted && !pool->stop)
        pthread_cond_wait(&pool->work, &pool->lock);
    return pool->stop ? NULL : slot(pool, pool->taken++);
}

static void process(CcbClusterWorker *worker, CcbBatch *batch)
{
    for (unsigned i = 0; i < batch->n && batch->error == NULL; i++)
        ccb_cluster_process(worker, &batch->clusters[i], &batch->error);
}

static void *run(void *data)
{
    CcbPool *pool = data;
    g_autoptr(CcbClusterWorker) worker = ccb_cluster_worker_new(pool->compress);
    CcbBatch *batch;
    pthread_mutex_lock(&pool->lock);
    while ((batch = take_work(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        process(worker, batch);
        pthread_mutex_lock(&pool->lock);
        batch->done = true;
        pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

CcbPool *ccb_pool_new(unsigned threads, bool compress, GError **error)
{
    g_autoptr(CcbPool) pool = g_new0(CcbPool, 1);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->compress = compress;
    pool->n_slots = 2 * threads + 2;
    pool->slots = g_new0(CcbBatch, pool->n_slots);
    for (unsigned i = 0; i < pool->n_slots; i++)
        pool->slots[i].pieces = g_array_new(FALSE, FALSE, sizeof(CcbPiece));
    pool->threads = g_new0(pthread_t, threads);
    while (pool->n_threads < threads &&
           pthread_create(&pool->threads[pool->n_threads], NULL, run, pool) == 0)
        pool->n_threads++;
    if (pool->n_threads > 0)
        return g_steal_pointer(&pool);
    ccb_fail(error, CCB_ERR_HOST, "can't start a thread");
    return NULL;
}

static void end_threads(CcbPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
}

void ccb_pool_free(CcbPool *pool)
{
    if (pool == NULL)
        return;
    end_threads(pool);
    for (unsigned i = 0; i < pool->n_slots; i++) {
        g_array_unref(pool->slots[i].pieces);
        g_clear_error(&pool->slots[i].error);
    }
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool->slots);
    g_free(pool->threads);
    g_free(pool);
}

CcbBatch *ccb_pool_next(CcbPool *pool)
{
    if (pool->submitted - pool->written == pool->n_slots)
        return NULL;
    CcbBatch *batch = slot(pool, pool->submitted);
    batch->n = 0;
    batch->done = false;
    g_array_set_size(batch->pieces, 0);
    return batch;
}

void ccb_pool_submit(CcbPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->submitted++;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

bool ccb_pool_take(CcbPool *pool, CcbBatch **ret_batch, GError **error)
{
    CcbBatch *batch = slot(pool, pool->written);
    if (pool->written == pool->submitted) {
        *ret_batch = NULL;
        return true;
    }
    pthread_mutex_lock(&pool->lock);
    while (!batch->done)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    if (batch->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&batch->error));
        return false;
    }
    *ret_batch = batch;
    return true;
}

void ccb_pool_release(CcbPool *pool)
{
    pool->written++;
}
