/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2, compat 1.1, in one pass over the disk: this thread looks up where the chain holds each
 * cluster and writes what comes back; a pool of threads reads, inflates and deflates in between.
 * The file depends on the chain's content alone.  Chains with files that are neither qcow2 with
 * zlib nor raw go through qemu-img.
 */
#include <fcntl.h>
#include <sched.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "emit/format.h"
#include "emit/qcow2-chain.h"
#include "emit/qcow2-pool.h"
#include "emit/qcow2-writer.h"

enum { LIMIT_S = 4 * 3600, THREADS_MAX = 8 };

static bool convert(const char *source, const char *path, bool compress, GError **error)
{
    const char *argv[] = {"qemu-img", "convert",    "-f",   "qcow2", "-O", "qcow2",
                          "-o",       "compat=1.1", source, path,    NULL, NULL};
    if (compress) {
        argv[8] = "-c";
        argv[9] = source;
        argv[10] = path;
    }
    CcbProcess process = {.argv = argv, .limit_s = LIMIT_S, .error_code = CCB_ERR_IO};
    return ccb_process_run(&process, error);
}

/* Looks up one cluster of the output; one that is a single hole is not added. */
static bool add_cluster(CcbQcow2Chain *chain, CcbBatch *batch, uint64_t offset, uint64_t size,
                        GError **error)
{
    CcbCluster *cluster = &batch->clusters[batch->n];
    guint first = batch->pieces->len;
    bool something = false;
    for (uint64_t done = 0; done < size;) {
        CcbPiece piece;
        if (!ccb_qcow2_chain_map(chain, offset + done, size - done, &piece, error))
            return false;
        something |= piece.kind != CCB_QCOW2_ZERO;
        g_array_append_val(batch->pieces, piece);
        done += piece.size;
    }
    cluster->index = offset / CCB_CLUSTER;
    cluster->n_pieces = batch->pieces->len - first;
    if (something)
        batch->n++;
    else
        g_array_set_size(batch->pieces, first);
    return true;
}

/* The next offset that is worth a look: behind a hole of many clusters, if one begins here. */
static bool skip_hole(CcbQcow2Chain *chain, uint64_t *offset, GError **error)
{
    uint64_t size = ccb_qcow2_chain_size(chain);
    CcbPiece piece;
    if (!ccb_qcow2_chain_map(chain, *offset, size - *offset, &piece, error))
        return false;
    if (piece.kind == CCB_QCOW2_ZERO)
        *offset =
            piece.size == size - *offset ? size : *offset + piece.size / CCB_CLUSTER * CCB_CLUSTER;
    return true;
}

enum { LOOKUPS = 4096 }; /* a batch, so that a disk of holes can be cancelled, too */

/* Fills a batch from `*offset` on and moves that on. */
static bool fill(CcbQcow2Chain *chain, CcbBatch *batch, uint64_t *offset, GError **error)
{
    uint64_t size = ccb_qcow2_chain_size(chain);
    for (unsigned i = 0; i < LOOKUPS && *offset < size && batch->n < CCB_BATCH; i++) {
        if (!skip_hole(chain, offset, error))
            return false;
        if (*offset == size)
            break;
        uint64_t n = MIN(size - *offset, CCB_CLUSTER);
        if (!add_cluster(chain, batch, *offset, n, error))
            return false;
        *offset += n;
    }
    /* Only now does the array stay where it is. */
    const CcbPiece *pieces = (const CcbPiece *)(void *)batch->pieces->data;
    for (unsigned i = 0; i < batch->n; pieces += batch->clusters[i++].n_pieces)
        batch->clusters[i].pieces = pieces;
    batch->end = *offset;
    return true;
}

static bool write_batch(CcbQcow2Writer *writer, const CcbBatch *batch, GError **error)
{
    for (unsigned i = 0; i < batch->n; i++) {
        const CcbCluster *c = &batch->clusters[i];
        if (c->result == CCB_RESULT_PLAIN &&
            !ccb_qcow2_writer_plain(writer, c->index, c->data, error))
            return false;
        if (c->result == CCB_RESULT_COMPRESSED &&
            !ccb_qcow2_writer_compressed(writer, c->index, c->packed, c->packed_length, error))
            return false;
    }
    return true;
}

static bool pump(CcbQcow2Chain *chain, CcbPool *pool, CcbQcow2Writer *writer, GError **error)
{
    uint64_t offset = 0;
    for (;;) {
        CcbBatch *batch;
        while (offset < ccb_qcow2_chain_size(chain) && (batch = ccb_pool_next(pool)) != NULL) {
            if (ccb_cancel_check(error) || !fill(chain, batch, &offset, error))
                return false;
            ccb_pool_submit(pool);
        }
        if (!ccb_pool_take(pool, &batch, error))
            return false;
        if (batch == NULL)
            return ccb_qcow2_writer_finish(writer, error);
        if (ccb_cancel_check(error) || !write_batch(writer, batch, error))
            return false;
        ccb_progress_update(batch->end);
        ccb_pool_release(pool);
    }
}

/* The cores that we may run on, which need not be all. */
static unsigned count_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return (unsigned)CLAMP(n, 1, THREADS_MAX);
}

static bool write_chain(CcbQcow2Chain *chain, const char *path, bool compress, GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    g_autoptr(CcbQcow2Writer) writer = ccb_qcow2_writer_new(fd, path, ccb_qcow2_chain_size(chain));
    g_autoptr(CcbPool) pool = ccb_pool_new(count_cores(), compress, error);
    return pool != NULL && pump(chain, pool, writer, error);
}

static bool write_qcow2(const char *source, const char *path, bool compress, GError **error)
{
    bool foreign;
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(source, &foreign, &reason);
    if (chain != NULL)
        return write_chain(chain, path, compress, error);
    if (foreign)
        return convert(source, path, compress, error);
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

const CcbEmitFormat ccb_emit_qcow2 = {"qcow2", "qcow2", write_qcow2};
