/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ld.so(8) reads of a program or a library before it runs: the section .dynamic. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
    GPtrArray *needed; /* char *: DT_NEEDED, names of libraries */
    /* char *: directories of DT_RUNPATH, or else DT_RPATH, as they are written. */
    GPtrArray *paths;
} CcbElfDynamic;

/* NULL with no error set: not an ELF file, a script for example.  A static program needs nothing.
 * Errors: CCB_ERR_INPUT for a damaged one. */
CcbElfDynamic *ccb_elf_dynamic(const void *data, size_t size, GError **error);
void ccb_elf_dynamic_free(CcbElfDynamic *dynamic); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbElfDynamic, ccb_elf_dynamic_free)
