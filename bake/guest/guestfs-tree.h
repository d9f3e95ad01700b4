/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of the appliance's guest, in as few messages as libguestfs can do: under emulation
 * each takes milliseconds, and an image has a hundred thousand files.
 */
#pragma once

#include <glib.h>
#include <guestfs.h>
#include <stdbool.h>

#include "base/error.h"
#include "guest/guest.h"

/* libguestfs's last error, with what we did; false. */
bool ccb_guestfs_fail(guestfs_h *g, GError **error, CcbErrorCode code, const char *what,
                      const char *path);

/* A list that libguestfs allocated with malloc, as one of GLib's; NULL where it gave none. */
char **ccb_guestfs_take_list(char **from_guestfs);

/* As the operations of guest/backend.h. */
char **ccb_guestfs_list(guestfs_h *g, const char *path, GError **error);
bool ccb_guestfs_walk(guestfs_h *g, const char *path, GPtrArray *entries, GError **error);
