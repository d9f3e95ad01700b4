/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An output format is one file in emit/ and one row of the table in format.c. */
#pragma once

#include "image/qcow2-chain.h"
#include "recipe/recipe.h"

typedef struct {
    const char *name;   /* as recipes write it; also the file's ending */
    const char *format; /* what QEMU calls it */
    bool compresses;
    uint64_t unit; /* the size of the disk is rounded up to a multiple of this; bytes */
    /* Writes the disk that `source` shows to `path`, which exists and may hold anything.  Errors:
     * CCB_ERR_INPUT, CCB_ERR_IO. */
    bool (*write)(CcbQcow2Chain *source, const char *path, bool compress, GError **error);
} CcbEmitFormat;

extern const CcbEmitFormat ccb_emit_qcow2, ccb_emit_vhd, ccb_emit_raw;

/* The row of that name, or NULL. */
const CcbEmitFormat *ccb_emit_format(const char *name);

/* The rows of a recipe's names or of a user's (CcbEmitFormat, unowned; caller unrefs).  Errors:
 * CCB_ERR_USAGE: a name that is none, or one that comes twice. */
GPtrArray *ccb_emit_formats(const char *const *names, GError **error);

/* What a disk of that size becomes. */
uint64_t ccb_emit_size(const CcbEmitFormat *format, uint64_t bytes);

/* "NAME.qcow2": what the first output of a recipe is called; caller frees. */
char *ccb_emit_file_name(const CcbRecipe *recipe);

/* The paths of the outputs, of which `path` names the first: with several formats each has its own
 * ending in place of that one's.  Caller frees. */
char **ccb_emit_paths(const GPtrArray *formats, const char *path);
