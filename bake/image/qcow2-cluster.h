/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The work on one cluster of the output, done by worker threads: reads its pieces, and makes of
 * them nothing (zeros), a plain or a compressed cluster.  What the chain holds compressed is
 * taken as it is; it is inflated only where the file doesn't show how long it really is.
 */
#pragma once

#include "image/qcow2-file.h"

enum {
    CCB_CLUSTER_BITS = 16,
    CCB_CLUSTER = 1 << CCB_CLUSTER_BITS,
    /* "Compressed Clusters Descriptor": 8 bits of sectors at this cluster size. */
    CCB_CLUSTER_PACKED_MAX = 256 * 512,
};

typedef enum { CCB_RESULT_ZERO, CCB_RESULT_PLAIN, CCB_RESULT_COMPRESSED } CcbResult;

typedef struct {
    uint64_t index; /* in units of CCB_CLUSTER */
    const CcbPiece *pieces;
    unsigned n_pieces; /* 0: zeros */
    uint64_t count;    /* of zeros: so many clusters, from `index` on; otherwise 1 */
    CcbResult result;
    uint8_t data[CCB_CLUSTER]; /* PLAIN */
    uint8_t packed[CCB_CLUSTER_PACKED_MAX];
    uint32_t packed_length; /* COMPRESSED */
} CcbCluster;

/* The buffers and (de)compressors of one thread. */
typedef struct CcbClusterWorker CcbClusterWorker;

CcbClusterWorker *ccb_cluster_worker_new(bool compress);
void ccb_cluster_worker_free(CcbClusterWorker *worker); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbClusterWorker, ccb_cluster_worker_free)

/* What a piece holds, piece->size bytes.  Errors: as below. */
bool ccb_cluster_read(CcbClusterWorker *worker, const CcbPiece *piece, void *data, GError **error);

/* Fills in the cluster's result.  Errors: CCB_ERR_INPUT (corrupt compressed data), CCB_ERR_IO. */
bool ccb_cluster_process(CcbClusterWorker *worker, CcbCluster *cluster, GError **error);
