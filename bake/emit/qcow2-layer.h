/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file of a chain, qcow2 or raw: where it holds which part of the disk.  Files come from outside:
 * all that is read from them is checked before it is used.
 */
#pragma once

#include <sys/types.h>

#include "format/qcow2.h"

typedef struct {
    uint64_t offset; /* of what is held here; 0: nothing */
    uint32_t size;
    uint8_t *data;
} CcbTableSlice;

typedef struct {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t file_size;
    uint64_t size; /* of the disk */
    bool raw;
    CcbQcow2Header header; /* qcow2 only */
    CcbTableSlice l1, l2;
} CcbLayer;

/* Where a part of the disk is. */
typedef struct {
    CcbQcow2Kind kind;
    uint64_t size; /* bytes of the disk, from the offset that was asked for */
    const CcbLayer *layer;
    uint64_t offset;       /* DATA: of the first byte; COMPRESSED: of the cluster */
    uint32_t length;       /* COMPRESSED: bytes of the cluster in the file, at most */
    uint32_t within;       /* COMPRESSED: where the part begins in the cluster */
    unsigned cluster_bits; /* COMPRESSED */
} CcbPiece;

/* `format` as QEMU names it.  Errors: CCB_ERR_INPUT; *ret_foreign is set then where QEMU reads the file
 * and this code doesn't. */
CcbLayer *ccb_layer_open(const char *path, const char *format, bool *ret_foreign, GError **error);
void ccb_layer_free(CcbLayer *layer); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbLayer, ccb_layer_free)

/* The part of the disk at `offset`, of at most `size` bytes; `offset` is less than the disk's size. */
bool ccb_layer_map(CcbLayer *layer, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                   GError **error);

/* Reads from the file; what is behind its end reads as zeros, as QEMU has it.  Thread-safe. */
bool ccb_layer_read(const CcbLayer *layer, uint64_t offset, void *data, size_t size,
                    GError **error);
