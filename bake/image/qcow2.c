/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2.h"

#include <string.h>

#include "base/error.h"

/* "Header" and "Additional fields": byte offsets. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_SIZE = 16,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_L1_ENTRIES = 36,
    AT_L1_OFFSET = 40,
    AT_REFCOUNT_OFFSET = 48,
    AT_REFCOUNT_CLUSTERS = 56,
    V2_LENGTH = 72,
    AT_INCOMPATIBLE = 72,
    AT_REFCOUNT_ORDER = 96,
    AT_HEADER_LENGTH = 100,
    V3_LENGTH = 104,
    AT_COMPRESSION = 104,
};

enum {
    MAGIC = 0x514649fb, /* "QFI\xfb" */
    REFCOUNT_ORDER = 4, /* 16 bits; what version 2 always has */
    EXTENSION_HEAD = 8,
    EXTENSION_END = 0,
};
#define EXTENSION_BACKING_FORMAT 0xe2792acau

/* Incompatible features. */
#define DIRTY       (1ull << 0)
#define CORRUPT     (1ull << 1)
#define DATA_FILE   (1ull << 2)
#define COMPRESSION (1ull << 3)
#define EXTENDED_L2 (1ull << 4)
#define KNOWN       (DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2)

/* "Cluster mapping": bits 9-55 hold the offset in L1 and standard L2 entries. */
#define OFFSET_MASK     0x00fffffffffffe00ull
#define COMPRESSED_FLAG (1ull << 62)
enum { SECTOR_BITS = 9, SECTOR = 1 << SECTOR_BITS, COMPRESSED_BITS = 62 };

void ccb_qcow2_header_clear(CcbQcow2Header *header)
{
    g_free(header->backing);
    g_free(header->backing_format);
    *header = (CcbQcow2Header){0};
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return GUINT32_FROM_BE(value);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return GUINT64_FROM_BE(value);
}

static void put32(uint8_t *p, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(p, &value, sizeof value);
}

static void put64(uint8_t *p, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(p, &value, sizeof value);
}

static bool fail(GError **error, const char *reason)
{
    return ccb_fail(error, CCB_ERR_INPUT, "qcow2 header: %s", reason);
}

/* What version 3 has more; returns the header's length, or 0. */
static size_t parse_v3(const uint8_t *data, size_t size, CcbQcow2Header *h, GError **error)
{
    if (size < V3_LENGTH)
        return fail(error, "too short");
    uint64_t features = get64(data + AT_INCOMPATIBLE);
    size_t length = get32(data + AT_HEADER_LENGTH);
    if (features & (DIRTY | CORRUPT)) {
        fail(error, features & DIRTY ? "the image was not closed cleanly (dirty)"
                                     : "the image is marked corrupt");
        return ccb_hint(error, "repair a copy of it: qemu-img check -r all COPY");
    }
    if (features & DATA_FILE)
        return fail(error, "the data is in another file");
    if (features & ~KNOWN)
        return fail(error, "unknown incompatible features");
    if (length < V3_LENGTH || length > size || length > 1u << h->cluster_bits)
        return fail(error, "bad header length");
    if (get32(data + AT_REFCOUNT_ORDER) > 6)
        return fail(error, "bad refcount width");
    h->extended_l2 = (features & EXTENDED_L2) != 0;
    h->compression = length > AT_COMPRESSION ? data[AT_COMPRESSION] : 0;
    if ((h->compression != CCB_QCOW2_COMPRESSION_ZLIB) != ((features & COMPRESSION) != 0))
        return fail(error, "the compression type contradicts the features");
    return length;
}

/* The name of the backing file, and from `at` on the "Header extensions", of which only its format matters. */
static bool parse_backing(const uint8_t *data, size_t size, size_t at, CcbQcow2Header *h,
                          GError **error)
{
    while (at + EXTENSION_HEAD <= size) {
        uint32_t type = get32(data + at), length = get32(data + at + 4);
        at += EXTENSION_HEAD;
        if (type == EXTENSION_END)
            break;
        if (length > size - at)
            return fail(error, "an extension ends outside the first cluster");
        if (type == EXTENSION_BACKING_FORMAT && h->backing_format == NULL)
            h->backing_format = g_strndup((const char *)data + at, length);
        at += ((size_t)length + 7) & ~(size_t)7;
    }
    uint64_t offset = get64(data + AT_BACKING_OFFSET);
    uint32_t length = get32(data + AT_BACKING_SIZE);
    if (offset == 0 || length == 0)
        return true;
    if (length > CCB_QCOW2_BACKING_MAX || offset > size || length > size - offset)
        return fail(error, "the backing file's name is outside the first cluster");
    h->backing = g_strndup((const char *)data + offset, length);
    return true;
}

/* The L1 table covers the disk, and is not larger than QEMU allows. */
static bool check_tables(const CcbQcow2Header *h, GError **error)
{
    uint64_t mask = (1ull << h->cluster_bits) - 1;
    unsigned entry_bits = h->extended_l2 ? 4 : 3;
    unsigned span_bits = 2 * h->cluster_bits - entry_bits; /* guest bytes of an L1 entry */
    uint64_t needed = (h->size >> span_bits) + ((h->size & ((1ull << span_bits) - 1)) != 0);
    if (h->l1_entries < needed)
        return fail(error, "the L1 table is too small for the disk");
    if (h->l1_entries > CCB_QCOW2_L1_BYTES_MAX / CCB_QCOW2_ENTRY)
        return fail(error, "the L1 table is larger than 32 MiB");
    if ((h->l1_offset & mask) != 0 || (h->refcount_offset & mask) != 0)
        return fail(error, "a table is not aligned to a cluster");
    if (h->l1_offset > OFFSET_MASK || h->refcount_offset > OFFSET_MASK)
        return fail(error, "a table is beyond 64 PiB");
    return true;
}

bool ccb_qcow2_header_parse(const void *bytes, size_t size, CcbQcow2Header *ret_header,
                            GError **error)
{
    const uint8_t *data = bytes;
    g_auto(CcbQcow2Header) h = {0};
    if (size < V2_LENGTH || get32(data) != MAGIC)
        return fail(error, "not a qcow2 file");
    h.version = get32(data + AT_VERSION);
    h.cluster_bits = get32(data + AT_CLUSTER_BITS);
    h.size = get64(data + AT_SIZE);
    h.l1_entries = get32(data + AT_L1_ENTRIES);
    h.l1_offset = get64(data + AT_L1_OFFSET);
    h.refcount_offset = get64(data + AT_REFCOUNT_OFFSET);
    h.refcount_clusters = get32(data + AT_REFCOUNT_CLUSTERS);
    if (h.version != 2 && h.version != 3)
        return fail(error, "unknown version");
    if (h.cluster_bits < CCB_QCOW2_MIN_BITS || h.cluster_bits > CCB_QCOW2_MAX_BITS)
        return fail(error, "bad cluster size");
    if (get32(data + AT_CRYPT) != 0)
        return fail(error, "the image is encrypted");
    size = MIN(size, 1u << h.cluster_bits);
    size_t length = h.version == 2 ? V2_LENGTH : parse_v3(data, size, &h, error);
    if (length == 0 || !check_tables(&h, error) || !parse_backing(data, size, length, &h, error))
        return false;
    *ret_header = h;
    h = (CcbQcow2Header){0};
    return true;
}

void ccb_qcow2_header_build(const CcbQcow2Header *h, uint8_t out[CCB_QCOW2_HEADER_BYTES])
{
    memset(out, 0, CCB_QCOW2_HEADER_BYTES);
    put32(out + AT_MAGIC, MAGIC);
    put32(out + AT_VERSION, 3);
    put32(out + AT_CLUSTER_BITS, h->cluster_bits);
    put64(out + AT_SIZE, h->size);
    put32(out + AT_L1_ENTRIES, h->l1_entries);
    put64(out + AT_L1_OFFSET, h->l1_offset);
    put64(out + AT_REFCOUNT_OFFSET, h->refcount_offset);
    put32(out + AT_REFCOUNT_CLUSTERS, h->refcount_clusters);
    put32(out + AT_REFCOUNT_ORDER, REFCOUNT_ORDER);
    put32(out + AT_HEADER_LENGTH, V3_LENGTH);
    if (h->backing == NULL)
        return;
    /* The extension that names the format, eight zeros that end the extensions, and the file's name. */
    size_t length = strlen(h->backing_format), padded = (length + 7) & ~(size_t)7;
    size_t name = V3_LENGTH + EXTENSION_HEAD + padded + EXTENSION_HEAD;
    put32(out + V3_LENGTH, EXTENSION_BACKING_FORMAT);
    put32(out + V3_LENGTH + 4, (uint32_t)length);
    memcpy(out + V3_LENGTH + EXTENSION_HEAD, h->backing_format, length);
    put64(out + AT_BACKING_OFFSET, name);
    put32(out + AT_BACKING_SIZE, (uint32_t)strlen(h->backing));
    memcpy(out + name, h->backing, strlen(h->backing));
}

/* "Compressed Clusters Descriptor": bits below this one are the offset, those above it the sectors. */
static unsigned sectors_at(unsigned cluster_bits)
{
    return COMPRESSED_BITS - (cluster_bits - 8);
}

static bool is_aligned(uint64_t offset, const CcbQcow2Header *header)
{
    return (offset & ((1ull << header->cluster_bits) - 1)) == 0;
}

bool ccb_qcow2_l2_decode(uint64_t entry, const CcbQcow2Header *header, CcbQcow2Cluster *ret)
{
    uint64_t offset = entry & OFFSET_MASK;
    CcbQcow2Cluster cluster = {CCB_QCOW2_UNALLOCATED, 0, 0};
    if (entry & COMPRESSED_FLAG) {
        unsigned x = sectors_at(header->cluster_bits);
        uint64_t more = (entry & (COMPRESSED_FLAG - 1)) >> x;
        cluster.kind = CCB_QCOW2_COMPRESSED;
        cluster.offset = entry & ((1ull << x) - 1);
        cluster.length = (uint32_t)((more + 1) * SECTOR - (cluster.offset & (SECTOR - 1)));
    } else if (!is_aligned(offset, header) ||
               ((entry & CCB_QCOW2_ENTRY_ZERO) && header->version < 3))
        return false;
    else if (entry & CCB_QCOW2_ENTRY_ZERO)
        cluster.kind = CCB_QCOW2_ZERO;
    else if (offset > 0)
        cluster = (CcbQcow2Cluster){CCB_QCOW2_DATA, offset, 0};
    if (cluster.offset > OFFSET_MASK + SECTOR - 1)
        return false;
    *ret = cluster;
    return true;
}

bool ccb_qcow2_l1_decode(uint64_t entry, const CcbQcow2Header *header, uint64_t *ret_offset)
{
    uint64_t offset = entry & OFFSET_MASK;
    if (!is_aligned(offset, header))
        return false;
    *ret_offset = offset;
    return true;
}

uint64_t ccb_qcow2_l2_compressed(uint64_t offset, uint32_t length, unsigned cluster_bits)
{
    uint64_t more = ((offset + length - 1) >> SECTOR_BITS) - (offset >> SECTOR_BITS);
    return COMPRESSED_FLAG | more << sectors_at(cluster_bits) | offset;
}
