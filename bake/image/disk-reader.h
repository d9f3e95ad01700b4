/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk that an image file shows, read at any place: qcow2 with what it is based on, raw, fixed VHD.  No process, no
 * mount, no copy.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads exactly `size` bytes at `offset`; `data` is its own first argument. */
typedef bool (*CcbReadFunc)(void *data, uint64_t offset, void *buffer, size_t size, GError **error);

typedef struct CcbDiskReader CcbDiskReader;

/* `format` as QEMU names it.  Errors: CCB_ERR_INPUT; *ret_foreign is set then where QEMU reads the file and this code
 * doesn't. */
CcbDiskReader *ccb_disk_reader_open(const char *path, const char *format, bool *ret_foreign,
                                    GError **error);
void ccb_disk_reader_free(CcbDiskReader *reader); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbDiskReader, ccb_disk_reader_free)

uint64_t ccb_disk_reader_size(const CcbDiskReader *reader);

/* A CcbReadFunc.  Errors: CCB_ERR_INPUT (beyond the disk's end, damage), CCB_ERR_IO. */
bool ccb_disk_reader_pread(void *reader, uint64_t offset, void *buffer, size_t size,
                           GError **error);
