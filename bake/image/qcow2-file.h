/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file of a chain, qcow2, raw or fixed VHD: where it holds which part of the disk.  Files come from
 * outside: all that is read from them is checked before it is used.
 */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "image/qcow2.h"

typedef struct {
    uint8_t *data;   /* NULL: nothing yet */
    uint64_t offset; /* in the file, of what it holds */
} CcbTableSlice;

typedef struct {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    struct timespec mtime; /* when it was opened */
    uint64_t file_size;
    uint64_t size;         /* of the disk */
    bool plain;            /* raw, or VHD: the sectors stand where they are on the disk */
    CcbQcow2Header header; /* qcow2 only */
    CcbTableSlice l1, l2;
} CcbQcow2File;

/* Where a part of the disk is. */
typedef struct {
    CcbQcow2Kind kind;
    uint64_t size; /* bytes of the disk, from the offset that was asked for */
    const CcbQcow2File *file;
    uint64_t offset;       /* DATA: of the first byte; COMPRESSED: of the cluster */
    uint32_t length;       /* COMPRESSED: bytes of the cluster in the file, at most */
    bool exact;            /* COMPRESSED: no more than that, as the next cluster begins there */
    uint32_t within;       /* COMPRESSED: where the part begins in the cluster */
    unsigned cluster_bits; /* COMPRESSED */
} CcbPiece;

/* `format` as QEMU names it.  Errors: CCB_ERR_INPUT; *ret_foreign is set then where QEMU reads the
 * file and this code doesn't. */
CcbQcow2File *ccb_qcow2_file_open(const char *path, const char *format, bool *ret_foreign,
                                  GError **error);
void ccb_qcow2_file_free(CcbQcow2File *file); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbQcow2File, ccb_qcow2_file_free)

/* The part of the disk at `offset`, of at most `size` bytes; `offset` is less than the disk's size.
 */
bool ccb_qcow2_file_map(CcbQcow2File *file, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                        GError **error);

/* Errors: CCB_ERR_BUSY. */
bool ccb_qcow2_file_check_idle(const CcbQcow2File *file, GError **error);
/* Errors: CCB_ERR_INPUT. */
bool ccb_qcow2_file_check_unchanged(const CcbQcow2File *file, GError **error);

/* Reads from the file; what is behind its end reads as zeros, as QEMU has it.  Thread-safe. */
bool ccb_qcow2_file_read(const CcbQcow2File *file, uint64_t offset, void *data, size_t size,
                         GError **error);
