/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decompression in memory by libarchive's filters that need no other program: gzip, xz, lzma, zstd,
 * lz4, bzip2. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Decompresses the stream (or streams of the same kind, one behind the other) at `data` to at most
 * `limit` bytes; caller unrefs.  *ret_used (NULL if not wanted) is how many bytes of `data` that
 * took.  Data that is not compressed is returned as it is.  Errors: CCB_ERR_INPUT. */
GByteArray *ccb_unpack(const void *data, size_t size, size_t limit, size_t *ret_used,
                       GError **error);
