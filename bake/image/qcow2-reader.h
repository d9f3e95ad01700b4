/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a chain holds, cluster by cluster and in order: the caller's thread looks up where each cluster is, and as many
 * threads as there are cores read, inflate and deflate.
 *
 *     while (ccb_reader_next(reader, &cluster, error) && cluster != NULL)
 *         use it;
 */
#pragma once

#include "image/qcow2-chain.h"
#include "image/qcow2-cluster.h"

typedef struct {
    bool top;      /* what the first file itself holds, and not what the whole chain shows */
    bool compress; /* give clusters compressed where that makes them smaller */
} CcbReaderOptions;

typedef struct CcbReader CcbReader;

/* The chain is the caller's and is there until the reader is freed.  Errors: CCB_ERR_HOST. */
CcbReader *ccb_reader_new(CcbQcow2Chain *chain, const CcbReaderOptions *options, GError **error);
void ccb_reader_free(CcbReader *reader); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbReader, ccb_reader_free)

/* The next cluster that is not a hole; it stays until the next call.  NULL at the end.  Clusters may
 * turn out to be zeros; with `top` such are the first file's own, and count several.  Errors:
 * CCB_ERR_INPUT (a corrupt file), CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_reader_next(CcbReader *reader, const CcbCluster **ret_cluster, GError **error);

/* Bytes of the disk that lie before the clusters that are being handed out; for progress. */
uint64_t ccb_reader_position(const CcbReader *reader);
