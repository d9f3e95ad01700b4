/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of one bake, for its scratch space.  It is removed when the bake ends, however that is. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *dir;     /* below ccb_cache_dir() */
    char *scratch; /* a directory in it, for files that must not get into the image; mode 1777 */
    char *overlay; /* path for a throw-away overlay; not created */
} CcbWork;

/* Errors: CCB_ERR_IO, CCB_ERR_HOST. */
CcbWork *ccb_work_open(GError **error);
void ccb_work_free(CcbWork *work); /* removes the directory; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbWork, ccb_work_free)

/* Empties the scratch directory between steps. */
bool ccb_work_clear_scratch(CcbWork *work, GError **error);
