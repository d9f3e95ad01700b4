/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/disk-reader.h"

#include <string.h>

#include "base/error.h"
#include "image/qcow2-chain.h"
#include "image/qcow2-cluster.h"

/* Small reads come from chunks that are kept: a file system's tables and directories are read again and again. */
enum { CHUNK = 64 << 10, CHUNKS = 256 };

typedef struct {
    bool filled;
    uint64_t number; /* of the disk's chunks */
    uint8_t *data;
} Chunk;

struct CcbDiskReader {
    CcbQcow2Chain *chain;
    CcbClusterWorker *worker;
    Chunk chunks[CHUNKS]; /* number n is in chunks[n % CHUNKS] */
};

CcbDiskReader *ccb_disk_reader_open(const char *path, const char *format, bool *ret_foreign,
                                    GError **error)
{
    CcbQcow2Chain *chain = ccb_qcow2_chain_open(path, format, ret_foreign, error);
    if (chain == NULL)
        return NULL;
    CcbDiskReader *reader = g_new0(CcbDiskReader, 1);
    reader->chain = chain;
    reader->worker = ccb_cluster_worker_new(false);
    return reader;
}

void ccb_disk_reader_free(CcbDiskReader *reader)
{
    if (reader == NULL)
        return;
    ccb_qcow2_chain_free(reader->chain);
    ccb_cluster_worker_free(reader->worker);
    for (unsigned i = 0; i < CHUNKS; i++)
        g_free(reader->chunks[i].data);
    g_free(reader);
}

uint64_t ccb_disk_reader_size(const CcbDiskReader *reader)
{
    return ccb_qcow2_chain_size(reader->chain);
}

static bool read_pieces(CcbDiskReader *reader, uint64_t offset, uint8_t *at, size_t size,
                        GError **error)
{
    for (CcbPiece piece; size > 0; at += piece.size, offset += piece.size, size -= piece.size)
        if (!ccb_qcow2_chain_map(reader->chain, offset, size, &piece, error) ||
            !ccb_cluster_read(reader->worker, &piece, at, error))
            return false;
    return true;
}

/* The chunk of that number, or NULL on error; the disk's last one may end within it. */
static const uint8_t *take_chunk(CcbDiskReader *reader, uint64_t number, GError **error)
{
    Chunk *chunk = &reader->chunks[number % CHUNKS];
    if (chunk->filled && chunk->number == number)
        return chunk->data;
    if (chunk->data == NULL)
        chunk->data = g_malloc(CHUNK);
    uint64_t offset = number * CHUNK;
    size_t size = (size_t)MIN(CHUNK, ccb_disk_reader_size(reader) - offset);
    chunk->number = number;
    chunk->filled = read_pieces(reader, offset, chunk->data, size, error);
    return chunk->filled ? chunk->data : NULL;
}

bool ccb_disk_reader_pread(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    CcbDiskReader *reader = data;
    uint8_t *at = buffer;
    uint64_t disk = ccb_disk_reader_size(reader);
    if (offset > disk || size > disk - offset)
        return ccb_fail(error, CCB_ERR_INPUT, "the disk ends within what is read of it");
    while (size > 0) {
        size_t within = (size_t)(offset % CHUNK);
        size_t part =
            within == 0 && size >= CHUNK ? size - size % CHUNK : MIN(CHUNK - within, size);
        if (part >= CHUNK) {
            if (!read_pieces(reader, offset, at, part, error))
                return false;
        } else {
            const uint8_t *chunk = take_chunk(reader, offset / CHUNK, error);
            if (chunk == NULL)
                return false;
            memcpy(at, chunk + within, part);
        }
        at += part;
        offset += part;
        size -= part;
    }
    return true;
}
