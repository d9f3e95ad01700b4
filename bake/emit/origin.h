/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source of the outputs, readable by ccbake's own code, and what is done with it.  Each step is
 * shown as progress.
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
    CcbQcow2File *origin; /* the file that it was copied from, or NULL */
    char *copy;           /* the path of the copy, which ccb_emit_source_free() removes; or NULL */
} CcbEmitSource;

/* Opens the image and its backing files.  If only QEMU can read one of them (zstd, extended L2
 * entries, dynamic VHD, other formats), qemu-img makes a copy at `copy` first.  Errors: CCB_ERR_INPUT,
 * CCB_ERR_IO, CCB_ERR_BUSY (a running machine writes to it). */
CcbEmitSource *ccb_emit_source_open(const char *path, const char *format, const char *copy,
                                    GError **error);
void ccb_emit_source_free(CcbEmitSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbEmitSource, ccb_emit_source_free)

/* Writes one of the outputs.  Errors: CCB_ERR_INPUT, CCB_ERR_IO. */
bool ccb_emit_write(const CcbEmitSource *source, const CcbEmitFormat *format,
                    const CcbOutputFile *file, bool compress, GError **error);

/* Opens the output again: its size must be right, for our code and for QEMU, and each of its sectors
 * must equal that of the source, which must not have changed meanwhile.  Errors: CCB_ERR_CHECK, CCB_ERR_INPUT, CCB_ERR_IO. */
bool ccb_emit_compare(const CcbEmitSource *source, const CcbEmitFormat *format,
                      const CcbOutputFile *file, GError **error);
