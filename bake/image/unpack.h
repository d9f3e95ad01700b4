/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompression by libarchive's filters that need no other program: gzip, xz, lzma, zstd, lz4, bzip2.
 *
 *     g_autoptr(CcbUnpacker) unpacker = ccb_unpacker_new(data, size, error);
 *     while ((got = ccb_unpacker_read(unpacker, buffer, sizeof buffer, error)) > 0)
 *         use `got` bytes of the buffer;
 *     ccb_unpacker_used(unpacker) is where `data` goes on with something else
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct CcbUnpacker CcbUnpacker;

/* The stream that starts at `data`, and those of its kind right behind it; data that is not compressed stays as it is.
 * `data` is the caller's and is there until the end.  Errors: CCB_ERR_INPUT. */
CcbUnpacker *ccb_unpacker_new(const void *data, size_t size, GError **error);
void ccb_unpacker_free(CcbUnpacker *unpacker); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUnpacker, ccb_unpacker_free)

/* Up to `size` bytes, 0 at the end, -1 with an error.  Errors: CCB_ERR_INPUT for a damaged or truncated stream. */
gssize ccb_unpacker_read(CcbUnpacker *unpacker, void *buffer, size_t size, GError **error);

/* How many bytes of `data` were read; at the end of an lz4 stream possibly four more than it has. */
size_t ccb_unpacker_used(const CcbUnpacker *unpacker);

/* All of it, at most `limit` bytes; caller unrefs.  Errors: CCB_ERR_INPUT. */
GByteArray *ccb_unpack(const void *data, size_t size, size_t limit, GError **error);
