/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is emitted, readable by our own code, and what is done with it, which the user sees:
 *
 *     g_autoptr(CcbEmitSource) source = ccb_emit_source_open(path, format, copy, error);
 *     ccb_emit_write(source, format, file, compress, error)
 *     ccb_emit_compare(source, format, file, error)
 */
#pragma once

#include "emit/format.h"
#include "emit/output.h"

typedef struct {
    CcbQcow2Chain *chain;
    CcbQcow2File *origin; /* what it was copied from, or NULL */
    char *copy;           /* the copy; goes with this */
} CcbEmitSource;

/* Opens the image and what it is based on.  Of what only QEMU reads (zstd, extended L2 entries,
 * dynamic VHD, other formats below) qemu-img makes a copy at `copy` first.  Errors: CCB_ERR_INPUT,
 * CCB_ERR_IO, CCB_ERR_BUSY (a running machine writes to it). */
CcbEmitSource *ccb_emit_source_open(const char *path, const char *format, const char *copy,
                                    GError **error);
void ccb_emit_source_free(CcbEmitSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbEmitSource, ccb_emit_source_free)

/* Writes one of the outputs.  Errors: CCB_ERR_INPUT, CCB_ERR_IO. */
bool ccb_emit_write(const CcbEmitSource *source, const CcbEmitFormat *format,
                    const CcbOutputFile *file, bool compress, GError **error);

/* Opens it anew: its size is right, for our code and for QEMU, and each of its sectors is that of the
 * source, which did not change meanwhile.  Errors: CCB_ERR_CHECK, CCB_ERR_INPUT, CCB_ERR_IO. */
bool ccb_emit_compare(const CcbEmitSource *source, const CcbEmitFormat *format,
                      const CcbOutputFile *file, GError **error);
