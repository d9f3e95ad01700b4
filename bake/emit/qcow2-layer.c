/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/qcow2-layer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { SLICE = 64 << 10, SLICE_ENTRIES = SLICE / CCB_QCOW2_ENTRY };

/* ECS's largest disk is 64 TiB; a header that claims more is not worth an endless walk. */
#define SIZE_MAX_DISK (64ull << 40)

static bool read_header(CcbQcow2Layer *layer, bool *ret_foreign, GError **error)
{
    size_t size = MIN(layer->file_size, 1u << CCB_QCOW2_MAX_BITS);
    g_autofree uint8_t *data = g_malloc(size > 0 ? size : 1);
    if (!ccb_qcow2_layer_read(layer, 0, data, size, error))
        return false;
    if (!ccb_qcow2_header_parse(data, size, &layer->header, error)) {
        g_prefix_error(error, "%s: ", layer->path);
        return false;
    }
    *ret_foreign =
        layer->header.extended_l2 || layer->header.compression != CCB_QCOW2_COMPRESSION_ZLIB;
    if (*ret_foreign)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: extended L2 entries or not zlib", layer->path);
    layer->size = layer->header.size;
    return true;
}

static bool open_file(CcbQcow2Layer *layer, GError **error)
{
    struct stat st;
    layer->fd = open(layer->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (layer->fd < 0 || fstat(layer->fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", layer->path);
    if (!S_ISREG(st.st_mode))
        return ccb_fail(error, CCB_ERR_INPUT, "image %s: not a regular file", layer->path);
    layer->device = st.st_dev;
    layer->inode = st.st_ino;
    layer->file_size = (uint64_t)st.st_size;
    layer->size = layer->file_size;
    posix_fadvise(layer->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

CcbQcow2Layer *ccb_qcow2_layer_open(const char *path, const char *format, bool *ret_foreign,
                                    GError **error)
{
    g_autoptr(CcbQcow2Layer) layer = g_new0(CcbQcow2Layer, 1);
    layer->path = g_strdup(path);
    layer->fd = -1;
    layer->raw = strcmp(format, "raw") == 0;
    *ret_foreign = !layer->raw && strcmp(format, "qcow2") != 0;
    if (*ret_foreign) {
        ccb_fail(error, CCB_ERR_INPUT, "%s: format %s", path, format);
        return NULL;
    }
    if (!open_file(layer, error) || (!layer->raw && !read_header(layer, ret_foreign, error)))
        return NULL;
    if (layer->size > SIZE_MAX_DISK) {
        ccb_fail(error, CCB_ERR_INPUT, "%s: a disk of more than 64 TiB", path);
        return NULL;
    }
    return g_steal_pointer(&layer);
}

void ccb_qcow2_layer_free(CcbQcow2Layer *layer)
{
    if (layer == NULL)
        return;
    ccb_close_fd(&layer->fd);
    ccb_qcow2_header_clear(&layer->header);
    g_free(layer->l1.data);
    g_free(layer->l2.data);
    g_free(layer->path);
    g_free(layer);
}

bool ccb_qcow2_layer_read(const CcbQcow2Layer *layer, uint64_t offset, void *data, size_t size,
                          GError **error)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = pread(layer->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", layer->path);
        if (got == 0)
            break;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    memset(at, 0, size);
    return true;
}

static bool corrupt(const CcbQcow2Layer *layer, const char *what, uint64_t value, GError **error)
{
    return ccb_fail(error, CCB_ERR_INPUT, "%s is corrupt: %s (0x%" G_GINT64_MODIFIER "x)",
                    layer->path, what, value);
}

static bool load_slice(const CcbQcow2Layer *layer, CcbTableSlice *slice, uint64_t offset,
                       uint64_t entries, GError **error)
{
    size_t size = (size_t)entries * CCB_QCOW2_ENTRY;
    if (offset > layer->file_size || size > layer->file_size - offset)
        return corrupt(layer, "a table lies outside the file", offset, error);
    g_autofree uint8_t *data = g_steal_pointer(&slice->data);
    if (data == NULL)
        data = g_malloc(SLICE);
    if (!ccb_qcow2_layer_read(layer, offset, data, size, error))
        return false;
    slice->data = g_steal_pointer(&data);
    slice->offset = offset;
    return true;
}

/* Entry `index` of a table of `entries`, through a slice of it that is kept. */
static bool read_entry(const CcbQcow2Layer *layer, CcbTableSlice *slice, uint64_t table,
                       uint64_t entries, uint64_t index, uint64_t *ret_entry, GError **error)
{
    uint64_t first = index - index % SLICE_ENTRIES;
    uint64_t offset = table + first * CCB_QCOW2_ENTRY;
    uint64_t entry;
    if ((slice->data == NULL || slice->offset != offset) &&
        !load_slice(layer, slice, offset, MIN(entries - first, SLICE_ENTRIES), error))
        return false;
    memcpy(&entry, slice->data + (index - first) * CCB_QCOW2_ENTRY, sizeof entry);
    *ret_entry = GUINT64_FROM_BE(entry);
    return true;
}

/* Finds the L2 entry for `offset`; an L1 entry that is not there gives 0 and the L1 entry's span.
 */
static bool find_entry(CcbQcow2Layer *layer, uint64_t offset, uint64_t *ret_entry,
                       unsigned *ret_bits, GError **error)
{
    const CcbQcow2Header *h = &layer->header;
    unsigned index_bits = h->cluster_bits - 3;
    uint64_t l1_index = offset >> (h->cluster_bits + index_bits), entry, table;
    uint64_t l2_index = offset >> h->cluster_bits & ((1ull << index_bits) - 1);
    if (!read_entry(layer, &layer->l1, h->l1_offset, h->l1_entries, l1_index, &entry, error))
        return false;
    if (!ccb_qcow2_l1_decode(entry, h, &table))
        return corrupt(layer, "bad L1 entry", entry, error);
    *ret_bits = table == 0 ? h->cluster_bits + index_bits : h->cluster_bits;
    *ret_entry = 0;
    return table == 0 ||
           read_entry(layer, &layer->l2, table, 1ull << index_bits, l2_index, ret_entry, error);
}

static bool map_qcow2(CcbQcow2Layer *layer, uint64_t offset, CcbPiece *piece, GError **error)
{
    uint64_t entry = 0;
    unsigned span_bits = 0;
    CcbQcow2Cluster cluster;
    if (!find_entry(layer, offset, &entry, &span_bits, error))
        return false;
    if (!ccb_qcow2_l2_decode(entry, &layer->header, &cluster))
        return corrupt(layer, "bad L2 entry", entry, error);
    uint64_t within = offset & ((1ull << span_bits) - 1);
    piece->kind = cluster.kind;
    piece->size = MIN(piece->size, (1ull << span_bits) - within);
    if (cluster.kind < CCB_QCOW2_DATA)
        return true;
    if (cluster.offset >= layer->file_size)
        return corrupt(layer, "a cluster lies outside the file", cluster.offset, error);
    bool packed = cluster.kind == CCB_QCOW2_COMPRESSED;
    piece->offset = packed ? cluster.offset : cluster.offset + within;
    piece->length = (uint32_t)MIN(cluster.length, layer->file_size - cluster.offset);
    piece->within = (uint32_t)within;
    piece->cluster_bits = layer->header.cluster_bits;
    return true;
}

/* Holes of a raw file are not read. */
static void map_raw(const CcbQcow2Layer *layer, uint64_t offset, CcbPiece *piece)
{
    off_t data = lseek(layer->fd, (off_t)offset, SEEK_DATA);
    uint64_t begin = data >= 0 ? (uint64_t)data : errno == ENXIO ? layer->size : offset;
    piece->kind = begin > offset ? CCB_QCOW2_ZERO : CCB_QCOW2_DATA;
    piece->offset = offset;
    if (begin > offset) {
        piece->size = MIN(piece->size, begin - offset);
        return;
    }
    off_t hole = lseek(layer->fd, (off_t)offset, SEEK_HOLE);
    if (hole > (off_t)offset)
        piece->size = MIN(piece->size, (uint64_t)hole - offset);
}

bool ccb_qcow2_layer_map(CcbQcow2Layer *layer, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                         GError **error)
{
    CcbPiece piece = {.size = MIN(size, layer->size - offset), .layer = layer};
    if (layer->raw)
        map_raw(layer, offset, &piece);
    else if (!map_qcow2(layer, offset, &piece, error))
        return false;
    *ret_piece = piece;
    return true;
}
