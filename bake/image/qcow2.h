/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 metadata, bytes ◄► struct.  Section names below are those of QEMU's docs/interop/qcow2.txt.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CCB_QCOW2_MIN_BITS = 9,            /* "Header": cluster_bits */
    CCB_QCOW2_MAX_BITS = 21,           /* QEMU's limit, named there */
    CCB_QCOW2_L1_BYTES_MAX = 32 << 20, /* QEMU's limit, named at the header's size */
    CCB_QCOW2_ENTRY = 8,               /* bytes of an L1, L2 or refcount table entry */
    CCB_QCOW2_COMPRESSION_ZLIB = 0,
};

#define CCB_QCOW2_COPIED     (1ull << 63) /* L1 and L2 entries: the refcount is exactly one */
#define CCB_QCOW2_ENTRY_ZERO 1ull         /* L2 entries: the cluster reads as zeros */

typedef struct {
    unsigned version; /* 2 or 3 */
    unsigned cluster_bits;
    uint64_t size; /* of the disk, in bytes */
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint64_t refcount_offset;
    uint32_t refcount_clusters;
    bool extended_l2;
    uint8_t compression;
    char *backing;        /* name as it stands there, or NULL */
    char *backing_format; /* NULL where the image names none */
} CcbQcow2Header;

void ccb_qcow2_header_clear(CcbQcow2Header *header);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbQcow2Header, ccb_qcow2_header_clear)

/* Reads a header from the beginning of a file (`size` bytes of it; the first cluster, or less in a
 * shorter file).  Errors: CCB_ERR_INPUT: malformed, encrypted, with an external data file, dirty,
 * corrupt, or with features that nobody knew when this was written. */
bool ccb_qcow2_header_parse(const void *data, size_t size, CcbQcow2Header *ret_header,
                            GError **error);

enum {
    CCB_QCOW2_BACKING_MAX = 1023, /* "Header": backing_file_size */
    CCB_QCOW2_HEADER_BYTES = 144 + CCB_QCOW2_BACKING_MAX,
};

/* Writes a version 3 header with 16-bit refcounts and zlib, and zeros behind it.  The backing file,
 * if there is one, has a format of at most 24 characters. */
void ccb_qcow2_header_build(const CcbQcow2Header *header, uint8_t out[CCB_QCOW2_HEADER_BYTES]);

typedef enum {
    CCB_QCOW2_UNALLOCATED,
    CCB_QCOW2_ZERO,
    CCB_QCOW2_DATA,
    CCB_QCOW2_COMPRESSED,
} CcbQcow2Kind;

typedef struct {
    CcbQcow2Kind kind;
    uint64_t offset; /* in the file; DATA and COMPRESSED */
    uint32_t length; /* COMPRESSED: up to the end of the last sector */
} CcbQcow2Cluster;

/* False for an entry that no image can have. */
bool ccb_qcow2_l2_decode(uint64_t entry, const CcbQcow2Header *header, CcbQcow2Cluster *ret);
bool ccb_qcow2_l1_decode(uint64_t entry, const CcbQcow2Header *header, uint64_t *ret_offset);

/* The L2 entry of `length` compressed bytes at `offset`. */
uint64_t ccb_qcow2_l2_compressed(uint64_t offset, uint32_t length, unsigned cluster_bits);
