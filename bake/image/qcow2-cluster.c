/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-cluster.h"

#include <libdeflate.h>
#include <string.h>

#include "base/error.h"

/*
 * libdeflate's matches reach back 32 KiB, where QEMU's own reach back 4 KiB (deflateInit2 with
 * windowBits -12).  QEMU reads them all the same: it inflates a cluster in one call into a buffer
 * that holds all of it (block/qcow2-threads.c), and zlib takes what a match refers to from that
 * buffer.
 */
enum { COMPRESSION_LEVEL = 1 };

struct CcbClusterWorker {
    bool compress;
    struct libdeflate_compressor *deflate;
    struct libdeflate_decompressor *inflate;
    /* The compressed cluster last inflated that is not one of ours to copy: of another size, as a
     * rule. */
    uint8_t *packed, *unpacked;
    size_t packed_room, unpacked_room;
    const CcbQcow2File *file;
    uint64_t offset;
};

CcbClusterWorker *ccb_cluster_worker_new(bool compress)
{
    CcbClusterWorker *worker = g_new0(CcbClusterWorker, 1);
    worker->compress = compress;
    worker->deflate = libdeflate_alloc_compressor(COMPRESSION_LEVEL);
    worker->inflate = libdeflate_alloc_decompressor();
    if (worker->deflate == NULL || worker->inflate == NULL)
        g_error("libdeflate can't allocate memory");
    return worker;
}

void ccb_cluster_worker_free(CcbClusterWorker *worker)
{
    if (worker == NULL)
        return;
    libdeflate_free_compressor(worker->deflate);
    libdeflate_free_decompressor(worker->inflate);
    g_free(worker->packed);
    g_free(worker->unpacked);
    g_free(worker);
}

/* Reads a piece's compressed cluster into `packed` and inflates it to exactly one cluster; gives
 * the length of the stream. */
static bool inflate_piece(CcbClusterWorker *worker, const CcbPiece *piece, uint8_t *packed,
                          uint8_t *data, uint32_t *ret_length, GError **error)
{
    size_t used, filled, size = (size_t)1 << piece->cluster_bits;
    if (!ccb_qcow2_file_read(piece->file, piece->offset, packed, piece->length, error))
        return false;
    enum libdeflate_result result = libdeflate_deflate_decompress_ex(
        worker->inflate, packed, piece->length, data, size, &used, &filled);
    if (result != LIBDEFLATE_SUCCESS || filled != size)
        return ccb_fail(error, CCB_ERR_INPUT, "%s is corrupt: bad compressed data at 0x%lx",
                        piece->file->path, (unsigned long)piece->offset);
    *ret_length = (uint32_t)used;
    return true;
}

static void reserve(uint8_t **buffer, size_t *room, size_t size)
{
    if (*room >= size)
        return;
    g_free(*buffer);
    *buffer = g_malloc(size);
    *room = size;
}

/* Part of a compressed cluster; the whole one is kept, as its next part is likely to follow. */
static bool read_part(CcbClusterWorker *worker, const CcbPiece *piece, uint8_t *data,
                      GError **error)
{
    uint32_t length;
    if (worker->file != piece->file || worker->offset != piece->offset) {
        worker->file = NULL;
        reserve(&worker->packed, &worker->packed_room, piece->length);
        reserve(&worker->unpacked, &worker->unpacked_room, (size_t)1 << piece->cluster_bits);
        if (!inflate_piece(worker, piece, worker->packed, worker->unpacked, &length, error))
            return false;
        worker->file = piece->file;
        worker->offset = piece->offset;
    }
    memcpy(data, worker->unpacked + piece->within, piece->size);
    return true;
}

bool ccb_cluster_read(CcbClusterWorker *worker, const CcbPiece *piece, void *data, GError **error)
{
    if (piece->kind == CCB_QCOW2_COMPRESSED)
        return read_part(worker, piece, data, error);
    if (piece->kind == CCB_QCOW2_DATA)
        return ccb_qcow2_file_read(piece->file, piece->offset, data, piece->size, error);
    memset(data, 0, piece->size);
    return true;
}

static bool read_pieces(CcbClusterWorker *worker, CcbCluster *cluster, GError **error)
{
    uint8_t *at = cluster->data;
    for (unsigned i = 0; i < cluster->n_pieces; at += cluster->pieces[i++].size)
        if (!ccb_cluster_read(worker, &cluster->pieces[i], at, error))
            return false;
    memset(at, 0, (size_t)(cluster->data + CCB_CLUSTER - at)); /* the disk ends in this cluster */
    return true;
}

/*
 * Whether a sample of the bytes is as even as chance would make it, as in files that are compressed
 * already: deflate would make nothing of them, in twice the time that all the rest takes.  The
 * measure is chi-squared with 255 degrees of freedom: 255 +- 23 for random bytes, thousands for
 * text and code.
 */
static bool looks_random(const uint8_t *data)
{
    enum { LINES = 64, LINE = 64, MEAN = LINES * LINE / 256, LIMIT = 400 };
    int count[256] = {0}, squares = 0;
    for (unsigned i = 0; i < LINES; i++)
        for (unsigned j = 0; j < LINE; j++)
            count[data[i * (CCB_CLUSTER / LINES) + j]]++;
    for (unsigned i = 0; i < 256; i++)
        squares += (count[i] - MEAN) * (count[i] - MEAN);
    return squares < LIMIT * MEAN;
}

bool ccb_cluster_process(CcbClusterWorker *worker, CcbCluster *cluster, GError **error)
{
    cluster->result = CCB_RESULT_ZERO;
    cluster->packed_length = 0;
    if (cluster->n_pieces == 0)
        return true;
    const CcbPiece *piece = &cluster->pieces[0];
    bool whole = cluster->n_pieces == 1 && piece->kind == CCB_QCOW2_COMPRESSED &&
                 piece->cluster_bits == CCB_CLUSTER_BITS && piece->size == CCB_CLUSTER;
    if (worker->compress && whole && piece->exact && piece->length < CCB_CLUSTER) {
        /* It is taken as it is. */
        cluster->result = CCB_RESULT_COMPRESSED;
        cluster->packed_length = piece->length;
        return ccb_qcow2_file_read(piece->file, piece->offset, cluster->packed, piece->length,
                                   error);
    }
    if (whole ? !inflate_piece(worker, piece, cluster->packed, cluster->data,
                               &cluster->packed_length, error)
              : !read_pieces(worker, cluster, error))
        return false;
    const uint8_t *data = cluster->data;
    if (data[0] == 0 && memcmp(data, data + 1, CCB_CLUSTER - 1) == 0)
        return true;
    if (worker->compress && !whole && !looks_random(data))
        cluster->packed_length = (uint32_t)libdeflate_deflate_compress(
            worker->deflate, data, CCB_CLUSTER, cluster->packed, CCB_CLUSTER - 1);
    bool smaller = cluster->packed_length > 0 && cluster->packed_length < CCB_CLUSTER;
    cluster->result = worker->compress && smaller ? CCB_RESULT_COMPRESSED : CCB_RESULT_PLAIN;
    return true;
}
