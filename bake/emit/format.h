/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output formats: a CcbEmitFormat each, listed in the table of format.c. */
#pragma once

#include "image/qcow2-chain.h"
#include "recipe/recipe.h"

typedef struct {
    const char *name;   /* in recipes, and the ending of the file's name */
    const char *format; /* QEMU's name for it */
    bool compresses;
    uint64_t unit; /* bytes; the size of the disk is rounded up to a multiple of it */
    /* Writes the disk that `source` shows to `path`, which exists and may hold anything.  Errors:
     * CCB_ERR_INPUT, CCB_ERR_IO. */
    bool (*write)(CcbQcow2Chain *source, const char *path, bool compress, GError **error);
} CcbEmitFormat;

extern const CcbEmitFormat ccb_emit_qcow2, ccb_emit_vhd, ccb_emit_raw;

/* The format of that name, or NULL. */
const CcbEmitFormat *ccb_emit_format(const char *name);

/* The formats of those names (CcbEmitFormat, unowned; caller unrefs the array).  Errors: CCB_ERR_USAGE
 * (an unknown name, or one that comes twice). */
GPtrArray *ccb_emit_formats(const char *const *names, GError **error);

/* The size in bytes that a disk of `bytes` has in this format. */
uint64_t ccb_emit_size(const CcbEmitFormat *format, uint64_t bytes);

/* "NAME.qcow2", the name of a recipe's first output; caller frees. */
char *ccb_emit_file_name(const CcbRecipe *recipe);

/* The format that the ending of a file name says, or NULL. */
const CcbEmitFormat *ccb_emit_format_of(const char *path);

/* The path of each output: `path` for a single format; with several, `path` with its ending replaced
 * by that of the format.  Caller frees with g_strfreev().  Errors: CCB_ERR_USAGE where the ending says
 * another format. */
char **ccb_emit_paths(const GPtrArray *formats, const char *path, GError **error);
