/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Batches of clusters, worked on by threads and given back in the order in which they came.
 *
 *     while ((batch = ccb_pool_next(pool)))      an empty one to fill, while there is one
 *         fill it; ccb_pool_submit(pool);
 *     ccb_pool_take(pool, &batch, error)         the oldest, when it is done
 *     write it; ccb_pool_release(pool);
 *
 * All of this from one thread.
 */
#pragma once

#include "image/qcow2-cluster.h"

enum { CCB_BATCH = 8 };

typedef struct {
    CcbCluster clusters[CCB_BATCH];
    unsigned n;
    GArray *pieces; /* of CcbPiece; the clusters point into it */
    uint64_t end;   /* of the disk's part that is seen to with it */
    bool done;
    GError *error;
} CcbBatch;

typedef struct CcbPool CcbPool;

/* Errors: CCB_ERR_HOST. */
CcbPool *ccb_pool_new(unsigned threads, bool compress, GError **error);
void ccb_pool_free(CcbPool *pool); /* ends the threads; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPool, ccb_pool_free)

CcbBatch *ccb_pool_next(CcbPool *pool); /* NULL: all are in use */
void ccb_pool_submit(CcbPool *pool);

/* Waits for the oldest batch; *ret_batch is NULL where none was submitted. */
bool ccb_pool_take(CcbPool *pool, CcbBatch **ret_batch, GError **error);
void ccb_pool_release(CcbPool *pool);
