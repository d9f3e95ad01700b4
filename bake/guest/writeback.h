/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a mounted file system back while commands fill it, and not only when they have ended: what
 * they write has to go through FUSE, and meanwhile a core idles.
 *
 *     CcbWriteback *w = ccb_writeback_start(root, error);
 *     ...                                                    commands
 *     ccb_writeback_finish(w, error)                         all is written, or an error tells so
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CcbWriteback CcbWriteback;

/* Errors: CCB_ERR_IO. */
CcbWriteback *ccb_writeback_start(const char *root, GError **error);

/* Writes the rest back, frees, and lets go of the mount.  Errors of any write show here: CCB_ERR_IO.
 * NULL is allowed. */
bool ccb_writeback_finish(CcbWriteback *writeback, GError **error);
