/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A deflate (RFC 1951) compressor for qcow2 clusters: no match reaches back further than 4 KiB.
 *
 * QEMU writes compressed clusters with deflateInit2(windowBits = -12) and reads them with
 * inflateInit2(-12), which promises to keep 4 KiB of history and no more (block/qcow2-threads.c).
 * libdeflate's window is always 32 KiB; ISA-L can limit its own, but its single match candidate
 * costs 8 % and more in such a small window.
 *
 * One compressor serves one thread.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

enum { CCB_DEFLATE_WINDOW = 4096, CCB_DEFLATE_INPUT_MAX = 65536 };

typedef struct CcbDeflate CcbDeflate;

CcbDeflate *ccb_deflate_new(void);
void ccb_deflate_free(CcbDeflate *deflate); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbDeflate, ccb_deflate_free)

/* Compresses `size` bytes (at most CCB_DEFLATE_INPUT_MAX).  Returns the length of the stream, or 0
 * where it does not fit into `room`.  The same input always gives the same stream. */
size_t ccb_deflate(CcbDeflate *deflate, const uint8_t *data, size_t size, uint8_t *out,
                   size_t room);
