/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of the host as its content: walked in the order of names. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *path; /* below the directory; "" for itself */
    const char *absolute;
    char type; /* 'f', 'd', 'l' */

    unsigned mode;      /* permission bits, as the host has them */
    const char *target; /* of a link */
} CcbTreeEntry;

/* false with the error set ends the walk. */
typedef bool (*CcbTreeFunc)(const CcbTreeEntry *entry, void *data, GError **error);

/* Visits the directory and all below it, parents first.  Errors: CCB_ERR_IO, also for what is
 * neither file, directory nor link. */
bool ccb_tree_walk(const char *directory, CcbTreeFunc visit, void *data, GError **error);
