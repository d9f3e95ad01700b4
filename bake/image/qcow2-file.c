/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "image/vhd.h"

enum { SLICE = 64 << 10, SLICE_ENTRIES = SLICE / CCB_QCOW2_ENTRY, SECTOR = 512 };

/* ECS's largest disk is 64 TiB; a header that claims more is not worth an endless walk. */
#define SIZE_MAX_DISK (64ull << 40)

static bool read_header(CcbQcow2File *file, bool *ret_foreign, GError **error)
{
    size_t size = MIN(file->file_size, 1u << CCB_QCOW2_MAX_BITS);
    g_autofree uint8_t *data = g_malloc(size > 0 ? size : 1);
    if (!ccb_qcow2_file_read(file, 0, data, size, error))
        return false;
    if (!ccb_qcow2_header_parse(data, size, &file->header, error)) {
        g_prefix_error(error, "%s: ", file->path);
        return false;
    }
    *ret_foreign =
        file->header.extended_l2 || file->header.compression != CCB_QCOW2_COMPRESSION_ZLIB;
    if (*ret_foreign)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: extended L2 entries or not zlib", file->path);
    file->size = file->header.size;
    return true;
}

/* The size that the footer says, whoever wrote it: QEMU takes the geometry's product for some, and cuts the end off. */
static bool read_footer(CcbQcow2File *file, bool *ret_foreign, GError **error)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd;
    uint64_t end = file->file_size - MIN(file->file_size, sizeof footer);
    if (!ccb_qcow2_file_read(file, end, footer, sizeof footer, error))
        return false;
    if (!ccb_vhd_parse(footer, &vhd, error)) {
        g_prefix_error(error, "%s: ", file->path);
        return false;
    }
    *ret_foreign = !vhd.fixed;
    if (*ret_foreign)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: a VHD that is not of fixed size", file->path);
    if (vhd.size > end)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s is cut off: %" G_GUINT64_FORMAT " bytes of its disk are missing",
                        file->path, vhd.size - end);
    file->size = vhd.size;
    return true;
}

CcbQcow2File *ccb_qcow2_file_open(const char *path, const char *format, bool *ret_foreign,
                                  GError **error)
{
    bool is_qcow2 = strcmp(format, "qcow2") == 0, is_vhd = strcmp(format, "vpc") == 0;
    struct stat st;
    *ret_foreign = !is_qcow2 && !is_vhd && strcmp(format, "raw") != 0;
    if (*ret_foreign) {
        ccb_fail(error, CCB_ERR_INPUT, "%s: format %s", path, format);
        return NULL;
    }
    g_autoptr(CcbQcow2File) file = g_new0(CcbQcow2File, 1);
    file->path = g_strdup(path);
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        ccb_fail(error, CCB_ERR_INPUT, "image %s: not a regular file", path);
        return NULL;
    }
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->mtime = st.st_mtim;
    file->file_size = file->size = (uint64_t)st.st_size;
    file->plain = !is_qcow2;
    posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if ((is_qcow2 && !read_header(file, ret_foreign, error)) ||
        (is_vhd && !read_footer(file, ret_foreign, error)))
        return NULL;
    if (file->size > SIZE_MAX_DISK) {
        ccb_fail(error, CCB_ERR_INPUT, "%s: a disk of more than 64 TiB", path);
        return NULL;
    }
    return g_steal_pointer(&file);
}

void ccb_qcow2_file_free(CcbQcow2File *file)
{
    if (file == NULL)
        return;
    ccb_close_fd(&file->fd);
    ccb_qcow2_header_clear(&file->header);
    g_free(file->l1.data);
    g_free(file->l2.data);
    g_free(file->path);
    g_free(file);
}

/* block/file-posix.c of QEMU: who may write holds a lock on this byte of the file. */
bool ccb_qcow2_file_check_idle(const CcbQcow2File *file, GError **error)
{
    enum { LOCK_WRITES = 100 + 1 };
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_WRITES, .l_len = 1};
    if (fcntl(file->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        return true; /* a file system without locks can't say */
    ccb_fail(error, CCB_ERR_BUSY, "%s is being written to", file->path);
    return ccb_hint(error, "shut the machine down that runs from it");
}

bool ccb_qcow2_file_check_unchanged(const CcbQcow2File *file, GError **error)
{
    struct stat st;
    if (fstat(file->fd, &st) == 0 && (uint64_t)st.st_size == file->file_size &&
        memcmp(&st.st_mtim, &file->mtime, sizeof file->mtime) == 0)
        return true;
    return ccb_fail(error, CCB_ERR_INPUT, "%s was changed while it was read", file->path);
}

bool ccb_qcow2_file_read(const CcbQcow2File *file, uint64_t offset, void *data, size_t size,
                         GError **error)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = pread(file->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", file->path);
        if (got == 0)
            break;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    memset(at, 0, size);
    return true;
}

static bool corrupt(const CcbQcow2File *file, const char *what, uint64_t value, GError **error)
{
    return ccb_fail(error, CCB_ERR_INPUT, "%s is corrupt: %s (0x%" G_GINT64_MODIFIER "x)",
                    file->path, what, value);
}

/* Entry `index` of a table of `entries`, through a slice of it that is kept. */
static bool read_entry(const CcbQcow2File *file, CcbTableSlice *slice, uint64_t table,
                       uint64_t entries, uint64_t index, uint64_t *ret_entry, GError **error)
{
    uint64_t first = index - index % SLICE_ENTRIES, entry;
    uint64_t offset = table + first * CCB_QCOW2_ENTRY;
    if (slice->data == NULL || slice->offset != offset) {
        size_t size = (size_t)MIN(entries - first, SLICE_ENTRIES) * CCB_QCOW2_ENTRY;
        if (offset > file->file_size || size > file->file_size - offset)
            return corrupt(file, "a table lies outside the file", offset, error);
        g_autofree uint8_t *data = g_steal_pointer(&slice->data);
        if (data == NULL)
            data = g_malloc(SLICE);
        if (!ccb_qcow2_file_read(file, offset, data, size, error))
            return false;
        slice->data = g_steal_pointer(&data);
        slice->offset = offset;
    }
    memcpy(&entry, slice->data + (index - first) * CCB_QCOW2_ENTRY, sizeof entry);
    *ret_entry = GUINT64_FROM_BE(entry);
    return true;
}

/* Finds the L2 entry for `offset`; an L1 entry that is not there gives 0 and the L1 entry's span. */
static bool find_entry(CcbQcow2File *file, uint64_t offset, uint64_t *ret_entry, unsigned *ret_bits,
                       GError **error)
{
    const CcbQcow2Header *h = &file->header;
    unsigned index_bits = h->cluster_bits - 3;
    uint64_t l1_index = offset >> (h->cluster_bits + index_bits), entry, table;
    uint64_t l2_index = offset >> h->cluster_bits & ((1ull << index_bits) - 1);
    if (!read_entry(file, &file->l1, h->l1_offset, h->l1_entries, l1_index, &entry, error))
        return false;
    if (!ccb_qcow2_l1_decode(entry, h, &table))
        return corrupt(file, "bad L1 entry", entry, error);
    *ret_bits = table == 0 ? h->cluster_bits + index_bits : h->cluster_bits;
    *ret_entry = 0;
    return table == 0 ||
           read_entry(file, &file->l2, table, 1ull << index_bits, l2_index, ret_entry, error);
}

/* Where the compressed cluster begins that the disk has next after `offset`; 0: not known. */
static uint64_t next_packed(const CcbQcow2File *file, uint64_t offset)
{
    uint64_t first = (offset >> file->header.cluster_bits) % SLICE_ENTRIES + 1;
    uint64_t last = MIN(1ull << (file->header.cluster_bits - 3), SLICE_ENTRIES);
    CcbQcow2Cluster cluster;
    for (uint64_t i = first; i < last; i++) {
        uint64_t entry;
        memcpy(&entry, file->l2.data + i * CCB_QCOW2_ENTRY, sizeof entry);
        if (!ccb_qcow2_l2_decode(GUINT64_FROM_BE(entry), &file->header, &cluster))
            return 0;
        if (cluster.kind == CCB_QCOW2_COMPRESSED)
            return cluster.offset;
    }
    return 0;
}

static bool map_qcow2(CcbQcow2File *file, uint64_t offset, CcbPiece *piece, GError **error)
{
    uint64_t entry = 0;
    unsigned span_bits = 0;
    CcbQcow2Cluster cluster;
    if (!find_entry(file, offset, &entry, &span_bits, error))
        return false;
    if (!ccb_qcow2_l2_decode(entry, &file->header, &cluster))
        return corrupt(file, "bad L2 entry", entry, error);
    uint64_t within = offset & ((1ull << span_bits) - 1);
    piece->kind = cluster.kind;
    piece->size = MIN(piece->size, (1ull << span_bits) - within);
    if (cluster.kind < CCB_QCOW2_DATA)
        return true;
    if (cluster.offset >= file->file_size)
        return corrupt(file, "a cluster lies outside the file", cluster.offset, error);
    bool packed = cluster.kind == CCB_QCOW2_COMPRESSED;
    piece->offset = packed ? cluster.offset : cluster.offset + within;
    piece->length = (uint32_t)MIN(cluster.length, file->file_size - cluster.offset);
    piece->within = (uint32_t)within;
    piece->cluster_bits = file->header.cluster_bits;
    if (!packed)
        return true;
    /* A descriptor counts sectors, so that one has to inflate a cluster to know where it ends.  But all who write whole
     * images write one cluster right behind the other: where the next one begins in this one's last sector, this one
     * ends. */
    uint64_t follows = next_packed(file, offset), end = piece->offset + piece->length;
    piece->exact = follows <= end && follows + SECTOR > end && follows > piece->offset;
    if (piece->exact)
        piece->length = (uint32_t)(follows - piece->offset);
    return true;
}

bool ccb_qcow2_file_map(CcbQcow2File *file, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                        GError **error)
{
    CcbPiece piece = {.size = MIN(size, file->size - offset), .file = file};
    if (!file->plain && !map_qcow2(file, offset, &piece, error))
        return false;
    if (file->plain) { /* holes of the file are not read */
        off_t data = lseek(file->fd, (off_t)offset, SEEK_DATA);
        uint64_t begin = data >= 0 ? (uint64_t)data : errno == ENXIO ? file->size : offset;
        bool hole = begin > offset;
        off_t end = hole ? (off_t)begin : lseek(file->fd, (off_t)offset, SEEK_HOLE);
        piece.kind = hole ? CCB_QCOW2_ZERO : CCB_QCOW2_DATA;
        piece.offset = offset;
        if (end > (off_t)offset)
            piece.size = MIN(piece.size, (uint64_t)end - offset);
    }
    *ret_piece = piece;
    return true;
}
