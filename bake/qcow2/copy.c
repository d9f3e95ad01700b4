/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qcow2/copy.h"

#include <fcntl.h>
#include <sched.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/progress.h"
#include "qcow2/chain.h"
#include "qcow2/pool.h"
#include "qcow2/writer.h"

enum { THREADS_MAX = 8 };

typedef struct {
    CcbQcow2Chain *chain;
    bool top;            /* what the first file holds, and not what the whole chain shows */
    const char *backing; /* of what is written, or NULL */
    CcbPool *pool;
    CcbQcow2Writer *writer;
    uint64_t offset; /* of the disk: what is before it was seen to */
} Copy;

static bool map(const Copy *copy, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                GError **error)
{
    return copy->top ? ccb_qcow2_chain_map_top(copy->chain, offset, size, ret_piece, error)
                     : ccb_qcow2_chain_map(copy->chain, offset, size, ret_piece, error);
}

/* What is not written. */
static bool is_hole(const Copy *copy, const CcbPiece *piece)
{
    return piece->kind == (copy->top ? CCB_QCOW2_UNALLOCATED : CCB_QCOW2_ZERO);
}

static uint64_t rest(const Copy *copy)
{
    return ccb_qcow2_chain_size(copy->chain) - copy->offset;
}

/* Moves on to the next cluster that is worth a look: behind a hole of many, if one begins here. */
static bool skip_hole(Copy *copy, GError **error)
{
    CcbPiece piece;
    if (!map(copy, copy->offset, rest(copy), &piece, error))
        return false;
    if (is_hole(copy, &piece))
        copy->offset +=
            piece.size == rest(copy) ? piece.size : piece.size / CCB_CLUSTER * CCB_CLUSTER;
    return true;
}

/* Adds the clusters from here on that the first file says are zeros, if there are any. */
static bool add_zeros(Copy *copy, CcbBatch *batch, bool *ret_added, GError **error)
{
    CcbCluster *cluster = &batch->clusters[batch->n];
    uint64_t begin = copy->offset;
    for (CcbPiece piece; rest(copy) > 0; copy->offset += piece.size) {
        if (!map(copy, copy->offset, MIN(rest(copy), CCB_CLUSTER), &piece, error))
            return false;
        if (piece.kind != CCB_QCOW2_ZERO)
            break;
    }
    *ret_added = copy->offset > begin;
    if (!*ret_added)
        return true;
    cluster->index = begin / CCB_CLUSTER;
    cluster->count = (copy->offset - begin + CCB_CLUSTER - 1) / CCB_CLUSTER;
    cluster->n_pieces = 0;
    batch->n++;
    return true;
}

/* Adds the cluster that begins here, unless it is a single hole. */
static bool add_cluster(Copy *copy, CcbBatch *batch, GError **error)
{
    CcbCluster *cluster = &batch->clusters[batch->n];
    uint64_t size = MIN(rest(copy), CCB_CLUSTER);
    guint first = batch->pieces->len;
    bool something = false;
    for (uint64_t done = 0; done < size;) {
        CcbPiece piece;
        if (!map(copy, copy->offset + done, size - done, &piece, error))
            return false;
        something |= !is_hole(copy, &piece);
        g_array_append_val(batch->pieces, piece);
        done += piece.size;
    }
    cluster->index = copy->offset / CCB_CLUSTER;
    cluster->count = 1;
    cluster->n_pieces = batch->pieces->len - first;
    if (something)
        batch->n++;
    else
        g_array_set_size(batch->pieces, first);
    copy->offset += size;
    return true;
}

static bool add_next(Copy *copy, CcbBatch *batch, GError **error)
{
    bool zeros = false;
    if (!skip_hole(copy, error))
        return false;
    if (rest(copy) == 0)
        return true;
    if (copy->top && !add_zeros(copy, batch, &zeros, error))
        return false;
    return zeros || add_cluster(copy, batch, error);
}

enum { LOOKUPS = 4096 }; /* a batch, so that a disk of holes can be cancelled, too */

static bool fill(Copy *copy, CcbBatch *batch, GError **error)
{
    for (unsigned i = 0; i < LOOKUPS && rest(copy) > 0 && batch->n < CCB_BATCH; i++)
        if (!add_next(copy, batch, error))
            return false;
    /* Only now does the array stay where it is. */
    const CcbPiece *pieces = (const CcbPiece *)(void *)batch->pieces->data;
    for (unsigned i = 0; i < batch->n; pieces += batch->clusters[i++].n_pieces)
        batch->clusters[i].pieces = pieces;
    batch->end = copy->offset;
    return true;
}

static bool write_cluster(const Copy *copy, const CcbCluster *c, GError **error)
{
    switch (c->result) {
    case CCB_RESULT_PLAIN:
        return ccb_qcow2_writer_plain(copy->writer, c->index, c->data, error);
    case CCB_RESULT_COMPRESSED:
        return ccb_qcow2_writer_compressed(copy->writer, c->index, c->packed, c->packed_length,
                                           error);
    case CCB_RESULT_ZERO:
        return !copy->top || ccb_qcow2_writer_zeros(copy->writer, c->index, c->count, error);
    }
    return false;
}

static bool write_batch(const Copy *copy, const CcbBatch *batch, GError **error)
{
    for (unsigned i = 0; i < batch->n; i++)
        if (!write_cluster(copy, &batch->clusters[i], error))
            return false;
    if (!copy->top) /* that runs beside other work, which has the progress */
        ccb_progress_update(batch->end);
    return true;
}

/* This thread looks up where the chain holds each cluster and writes what comes back; the pool's
 * threads read, inflate and deflate in between. */
static bool pump(Copy *copy, GError **error)
{
    for (;;) {
        CcbBatch *batch;
        while (rest(copy) > 0 && (batch = ccb_pool_next(copy->pool)) != NULL) {
            if (ccb_cancel_check(error) || !fill(copy, batch, error))
                return false;
            ccb_pool_submit(copy->pool);
        }
        if (!ccb_pool_take(copy->pool, &batch, error))
            return false;
        if (batch == NULL)
            return ccb_qcow2_writer_finish(copy->writer, error);
        if (ccb_cancel_check(error) || !write_batch(copy, batch, error))
            return false;
        ccb_pool_release(copy->pool);
    }
}

/* The cores that we may run on, which need not be all. */
static unsigned count_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return (unsigned)CLAMP(n, 1, THREADS_MAX);
}

static bool write_file(Copy *copy, const char *path, bool compress, GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    g_autoptr(CcbQcow2Writer) writer =
        ccb_qcow2_writer_new(fd, path, ccb_qcow2_chain_size(copy->chain));
    g_autoptr(CcbPool) pool = ccb_pool_new(count_cores(), compress, error);
    const CcbQcow2Header *header = ccb_qcow2_chain_header(copy->chain);
    if (copy->backing != NULL)
        ccb_qcow2_writer_set_backing(writer, copy->backing, header->backing_format);
    copy->writer = writer;
    copy->pool = pool;
    return pool != NULL && pump(copy, error);
}

bool ccb_qcow2_flatten(const char *source, const char *path, bool compress, bool *ret_foreign,
                       GError **error)
{
    g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(source, ret_foreign, error);
    Copy copy = {.chain = chain};
    return chain != NULL && write_file(&copy, path, compress, error);
}

bool ccb_qcow2_pack(const char *source, const char *path, const char *backing, GError **error)
{
    bool foreign;
    GError *reason = NULL;
    g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(source, &foreign, &reason);
    if (chain == NULL && foreign) { /* what lies below can't be looked at: all zeros are kept */
        g_clear_error(&reason);
        chain = ccb_qcow2_chain_open_top(source, &reason);
    }
    if (chain == NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    if (ccb_qcow2_chain_header(chain)->cluster_bits != CCB_CLUSTER_BITS)
        return ccb_fail(error, CCB_ERR_INTERNAL, "%s: not of 64 KiB clusters", source);
    if (ccb_qcow2_chain_header(chain)->backing_format == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: names no format of a backing file", source);
    Copy copy = {.chain = chain, .top = true, .backing = backing};
    return write_file(&copy, path, true, error);
}
