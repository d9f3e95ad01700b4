/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-reader.h"

#include <sched.h>

#include "base/cancel.h"
#include "image/qcow2-pool.h"

enum { THREADS_MAX = 8 };

struct CcbReader {
    CcbQcow2Chain *chain;
    CcbReaderOptions options;
    CcbPool *pool;
    uint64_t offset;   /* of the disk: what is before it was looked up */
    CcbBatch *batch;   /* whose clusters are given out; or NULL */
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

/* Moves on to the next cluster that is worth a look: behind a hole of many, if one begins here. */
static bool skip_hole(CcbReader *r, GError **error)
{
    CcbPiece piece;
    if (!map(r, r->offset, rest(r), &piece, error))
        return false;
    if (is_hole(r, &piece))
        r->offset += piece.size == rest(r) ? piece.size : piece.size / CCB_CLUSTER * CCB_CLUSTER;
    return true;
}

/* Adds the clusters from here on that the first file says are zeros, if there are any. */
static bool add_zeros(CcbReader *r, CcbBatch *batch, bool *ret_added, GError **error)
{
    CcbCluster *cluster = &batch->clusters[batch->n];
    uint64_t begin = r->offset;
    for (CcbPiece piece; rest(r) > 0; r->offset += piece.size) {
        if (!map(r, r->offset, MIN(rest(r), CCB_CLUSTER), &piece, error))
            return false;
        if (piece.kind != CCB_QCOW2_ZERO)
            break;
    }
    *ret_added = r->offset > begin;
    if (!*ret_added)
        return true;
    cluster->index = begin / CCB_CLUSTER;
    cluster->count = (r->offset - begin + CCB_CLUSTER - 1) / CCB_CLUSTER;
    cluster->n_pieces = 0;
    batch->n++;
    return true;
}

/* Adds the cluster that begins here, unless it is a single hole. */
static bool add_cluster(CcbReader *r, CcbBatch *batch, GError **error)
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

static bool add_next(CcbReader *r, CcbBatch *batch, GError **error)
{
    bool zeros = false;
    if (!skip_hole(r, error))
        return false;
    if (rest(r) == 0)
        return true;
    if (r->options.top && !add_zeros(r, batch, &zeros, error))
        return false;
    return zeros || add_cluster(r, batch, error);
}

enum { LOOKUPS = 4096 }; /* a batch, so that a disk of holes can be cancelled, too */

static bool fill(CcbReader *r, CcbBatch *batch, GError **error)
{
    for (unsigned i = 0; i < LOOKUPS && rest(r) > 0 && batch->n < CCB_BATCH; i++)
        if (!add_next(r, batch, error))
            return false;
    /* Only now does the array stay where it is. */
    const CcbPiece *pieces = (const CcbPiece *)(void *)batch->pieces->data;
    for (unsigned i = 0; i < batch->n; pieces += batch->clusters[i++].n_pieces)
        batch->clusters[i].pieces = pieces;
    batch->end = r->offset;
    return true;
}

/* Keeps all threads at work. */
static bool look_ahead(CcbReader *r, GError **error)
{
    CcbBatch *batch;
    while (rest(r) > 0 && (batch = ccb_pool_next(r->pool)) != NULL) {
        if (ccb_cancel_check(error) || !fill(r, batch, error))
            return false;
        ccb_pool_submit(r->pool);
    }
    return true;
}

static void release(CcbReader *r)
{
    r->position = r->batch->end;
    r->batch = NULL;
    ccb_pool_release(r->pool);
}

bool ccb_reader_next(CcbReader *r, const CcbCluster **ret_cluster, GError **error)
{
    while (r->batch == NULL || r->next == r->batch->n) {
        if (r->batch != NULL)
            release(r);
        if (ccb_cancel_check(error) || !look_ahead(r, error) ||
            !ccb_pool_take(r->pool, &r->batch, error))
            return false;
        r->next = 0;
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

/* The cores that we may run on, which need not be all. */
static unsigned count_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return (unsigned)CLAMP(n, 1, THREADS_MAX);
}

CcbReader *ccb_reader_new(CcbQcow2Chain *chain, const CcbReaderOptions *options, GError **error)
{
    CcbPool *pool = ccb_pool_new(count_cores(), options->compress, error);
    if (pool == NULL)
        return NULL;
    CcbReader *reader = g_new0(CcbReader, 1);
    *reader = (CcbReader){.chain = chain, .options = *options, .pool = pool};
    return reader;
}

void ccb_reader_free(CcbReader *reader)
{
    if (reader == NULL)
        return;
    ccb_pool_free(reader->pool);
    g_free(reader);
}
