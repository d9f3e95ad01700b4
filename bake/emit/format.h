/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An output format is one file in emit/ and one row of the table in format.c. */
#pragma once

#include "recipe/recipe.h"

typedef struct {
    const char *name;   /* as recipes write it; also the file's ending */
    const char *format; /* what QEMU calls it */
    /* Writes the disk that the qcow2 chain `source` shows to `path`, which exists and may hold
     * anything. */
    bool (*write)(const char *source, const char *path, bool compress, GError **error);
} CcbEmitFormat;

extern const CcbEmitFormat ccb_emit_qcow2;

/* The row of that name, or NULL. */
const CcbEmitFormat *ccb_emit_format(const char *name);

/* "NAME.qcow2": what the output of a recipe is called; caller frees. */
char *ccb_emit_file_name(const CcbRecipe *recipe);
