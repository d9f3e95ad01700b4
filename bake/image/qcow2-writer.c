/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-writer.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "image/pwrite.h"
#include "image/qcow2-cluster.h"
#include "image/qcow2.h"

enum {
    ENTRIES = CCB_CLUSTER / CCB_QCOW2_ENTRY,         /* of an L2 table */
    REFCOUNTS = CCB_CLUSTER / (int)sizeof(uint16_t), /* of a refcount block */
    REFCOUNT_MAX = UINT16_MAX,
    GATHER = 16,                /* plain clusters written at once: 1 MiB */
    PACKED_BUFFER = 1024 << 10, /* compressed bytes written at once */
};

struct CcbQcow2Writer {
    int fd;
    char *name;
    char *backing, *backing_format; /* or NULL */
    uint64_t disk_size;
    uint64_t next;     /* the first cluster of the file that is not in use */
    GArray *refcounts; /* uint16_t, a cluster of the file */
    uint64_t *l1;
    uint32_t l1_entries;
    uint64_t l1_index; /* the part of the disk that l2 is for */
    uint64_t *l2;
    bool l2_used;
    uint8_t *plain;
    uint32_t plain_entry[GATHER]; /* their places in l2 */
    unsigned n_plain;
    uint8_t *packed;
    uint64_t packed_offset; /* in the file, of the buffer's first byte */
    uint32_t packed_size;
    uint64_t packed_end; /* of the clusters that are given to compressed data there */
};

CcbQcow2Writer *ccb_qcow2_writer_new(int fd, const char *name, uint64_t disk_size)
{
    CcbQcow2Writer *w = g_new0(CcbQcow2Writer, 1);
    uint64_t clusters = disk_size / CCB_CLUSTER + (disk_size % CCB_CLUSTER != 0);
    w->fd = fd;
    w->name = g_strdup(name);
    w->disk_size = disk_size;
    w->next = 1;
    w->refcounts = g_array_new(FALSE, TRUE, sizeof(uint16_t));
    w->l1_entries = (uint32_t)(clusters / ENTRIES + (clusters % ENTRIES != 0));
    w->l1 = g_new0(uint64_t, MAX(w->l1_entries, 1));
    w->l2 = g_new0(uint64_t, ENTRIES);
    w->plain = g_malloc(GATHER * CCB_CLUSTER);
    w->packed = g_malloc(PACKED_BUFFER + CCB_CLUSTER);
    return w;
}

void ccb_qcow2_writer_set_backing(CcbQcow2Writer *w, const char *name, const char *format)
{
    w->backing = g_strdup(name);
    w->backing_format = g_strdup(format);
}

void ccb_qcow2_writer_free(CcbQcow2Writer *w)
{
    if (w == NULL)
        return;
    g_free(w->backing);
    g_free(w->backing_format);
    g_array_unref(w->refcounts);
    g_free(w->l1);
    g_free(w->l2);
    g_free(w->plain);
    g_free(w->packed);
    g_free(w->name);
    g_free(w);
}

static bool write_at(CcbQcow2Writer *w, uint64_t offset, const void *data, size_t size,
                     GError **error)
{
    return ccb_pwrite_all(w->fd, w->name, offset, data, size, error);
}

static uint16_t *refcount(CcbQcow2Writer *w, uint64_t cluster)
{
    if (w->refcounts->len <= cluster)
        g_array_set_size(w->refcounts, (guint)cluster + 1);
    return &g_array_index(w->refcounts, uint16_t, cluster);
}

/* Takes `n` clusters at the end of the file; returns their offset. */
static uint64_t allocate(CcbQcow2Writer *w, uint64_t n, unsigned references)
{
    uint64_t first = w->next;
    w->next += n;
    for (uint64_t i = first; i < w->next; i++)
        *refcount(w, i) = (uint16_t)references;
    return first * CCB_CLUSTER;
}

static bool flush_plain(CcbQcow2Writer *w, GError **error)
{
    unsigned n = w->n_plain;
    uint64_t offset = n > 0 ? allocate(w, n, 1) : 0;
    for (unsigned i = 0; i < n; i++)
        w->l2[w->plain_entry[i]] =
            GUINT64_TO_BE((offset + (uint64_t)i * CCB_CLUSTER) | CCB_QCOW2_COPIED);
    w->n_plain = 0;
    return write_at(w, offset, w->plain, (size_t)n * CCB_CLUSTER, error);
}

static bool flush_l2(CcbQcow2Writer *w, GError **error)
{
    if (!w->l2_used)
        return true;
    if (!flush_plain(w, error))
        return false;
    uint64_t offset = allocate(w, 1, 1);
    w->l1[w->l1_index] = GUINT64_TO_BE(offset | CCB_QCOW2_COPIED);
    if (!write_at(w, offset, w->l2, CCB_CLUSTER, error))
        return false;
    memset(w->l2, 0, CCB_CLUSTER);
    w->l2_used = false;
    return true;
}

/* The place of a cluster's entry in the L2 table, after a change to another table where it is in
 * that. */
static bool enter(CcbQcow2Writer *w, uint64_t index, uint32_t *ret_entry, GError **error)
{
    if (index / ENTRIES != w->l1_index && !flush_l2(w, error))
        return false;
    w->l1_index = index / ENTRIES;
    w->l2_used = true;
    *ret_entry = (uint32_t)(index % ENTRIES);
    return true;
}

bool ccb_qcow2_writer_plain(CcbQcow2Writer *w, uint64_t index, const uint8_t *cluster,
                            GError **error)
{
    uint32_t entry;
    if (!enter(w, index, &entry, error))
        return false;
    memcpy(w->plain + (size_t)w->n_plain * CCB_CLUSTER, cluster, CCB_CLUSTER);
    w->plain_entry[w->n_plain++] = entry;
    return w->n_plain < GATHER || flush_plain(w, error);
}

static bool flush_packed(CcbQcow2Writer *w, GError **error)
{
    uint32_t size = w->packed_size;
    uint64_t offset = w->packed_offset;
    w->packed_offset += size;
    w->packed_size = 0;
    return write_at(w, offset, w->packed, size, error);
}

/* The bytes go behind the last ones, or into new clusters where something else was put behind the last ones, or where
 * so many share the last cluster that its refcount can't count another. */
bool ccb_qcow2_writer_compressed(CcbQcow2Writer *w, uint64_t index, const uint8_t *data,
                                 uint32_t length, GError **error)
{
    uint32_t entry;
    if (!enter(w, index, &entry, error))
        return false;
    uint64_t at = w->packed_offset + w->packed_size;
    bool may_grow = w->packed_end == w->next * CCB_CLUSTER;
    bool full = at < w->packed_end && *refcount(w, at / CCB_CLUSTER) == REFCOUNT_MAX;
    if ((at + length > w->packed_end && !may_grow) || full) {
        if (!flush_packed(w, error))
            return false;
        w->packed_offset = w->packed_end = at = w->next * CCB_CLUSTER;
    }
    while (at + length > w->packed_end) {
        allocate(w, 1, 0);
        w->packed_end += CCB_CLUSTER;
    }
    if (w->packed_size >= PACKED_BUFFER && !flush_packed(w, error))
        return false;
    memcpy(w->packed + w->packed_size, data, length);
    w->packed_size += length;
    for (uint64_t i = at / CCB_CLUSTER; i <= (at + length - 1) / CCB_CLUSTER; i++)
        ++*refcount(w, i);
    w->l2[entry] = GUINT64_TO_BE(ccb_qcow2_l2_compressed(at, length, CCB_CLUSTER_BITS));
    return true;
}

bool ccb_qcow2_writer_zeros(CcbQcow2Writer *w, uint64_t index, uint64_t count, GError **error)
{
    uint32_t entry;
    for (; count > 0; count--, index++) {
        if (!enter(w, index, &entry, error))
            return false;
        w->l2[entry] = GUINT64_TO_BE(CCB_QCOW2_ENTRY_ZERO);
    }
    return true;
}

static uint64_t clusters_for(uint64_t bytes)
{
    return (bytes + CCB_CLUSTER - 1) / CCB_CLUSTER;
}

/* Writes the refcount blocks, which count themselves and the table, and behind them the table that points to them. */
static bool write_refcounts(CcbQcow2Writer *w, CcbQcow2Header *header, GError **error)
{
    uint64_t blocks = 0, table_clusters = 0, needed;
    while ((needed = (w->next + blocks + table_clusters + REFCOUNTS - 1) / REFCOUNTS) > blocks) {
        blocks = needed;
        table_clusters = clusters_for(blocks * CCB_QCOW2_ENTRY);
    }
    uint64_t offset = allocate(w, blocks + table_clusters, 1);
    header->refcount_offset = offset + blocks * CCB_CLUSTER;
    header->refcount_clusters = (uint32_t)table_clusters;
    size_t table_size = (size_t)blocks * CCB_QCOW2_ENTRY;
    g_autofree uint64_t *table = g_malloc(table_size);
    for (uint64_t i = 0; i < blocks; i++)
        table[i] = GUINT64_TO_BE(offset + i * CCB_CLUSTER);
    g_array_set_size(w->refcounts, (guint)(blocks * REFCOUNTS));
    uint16_t *counts = (uint16_t *)(void *)w->refcounts->data;
    for (guint i = 0; i < w->refcounts->len; i++)
        counts[i] = GUINT16_TO_BE(counts[i]);
    return write_at(w, offset, counts, (size_t)blocks * CCB_CLUSTER, error) &&
           write_at(w, header->refcount_offset, table, table_size, error);
}

bool ccb_qcow2_writer_finish(CcbQcow2Writer *w, GError **error)
{
    uint8_t bytes[CCB_QCOW2_HEADER_BYTES];
    CcbQcow2Header header = {.cluster_bits = CCB_CLUSTER_BITS,
                             .size = w->disk_size,
                             .l1_entries = w->l1_entries,
                             .backing = w->backing,
                             .backing_format = w->backing_format};
    *refcount(w, 0) = 1;
    if (!flush_l2(w, error) || !flush_packed(w, error))
        return false;
    size_t l1_size = (size_t)w->l1_entries * CCB_QCOW2_ENTRY;
    header.l1_offset = allocate(w, clusters_for(l1_size), 1);
    if (!write_at(w, header.l1_offset, w->l1, l1_size, error) ||
        !write_refcounts(w, &header, error))
        return false;
    if (ftruncate(w->fd, (off_t)(w->next * CCB_CLUSTER)) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", w->name);
    ccb_qcow2_header_build(&header, bytes);
    return write_at(w, 0, bytes, sizeof bytes, error);
}
