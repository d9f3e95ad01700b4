/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of one bake, for its scratch space.  It goes with the bake, however that ends. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *dir;     /* below ccb_cache_dir() */
    char *scratch; /* a directory in it, for what must not reach the image; mode 1777 */
    char *overlay; /* where a throw-away overlay may go; not created */
} CcbWork;

CcbWork *ccb_work_open(GError **error);
void ccb_work_free(CcbWork *work); /* removes the directory; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbWork, ccb_work_free)

/* Empties the scratch directory between steps. */
bool ccb_work_clear_scratch(CcbWork *work, GError **error);
