/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initramfs image, by the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: cpio archives ("newc")
 * one behind the other with zero bytes between, each plain or compressed.  dracut writes an early plain one with
 * microcode and a compressed one behind it; with merged /usr the modules are in usr/lib/modules/KVER, else in
 * lib/modules/KVER.  Archives are decompressed piece by piece and never held as a whole.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define CCB_INITRAMFS_MAX (1u << 30) /* bytes that a stream may have uncompressed */

typedef struct {
    char *path;   /* without leading "/" and "./"; "" for the root directory */
    char *target; /* of a symlink, else NULL */
    guint32 mode; /* type and permissions, as in struct stat */
    guint64 size; /* bytes */
} CcbInitramfsEntry;

/* Whether the content of a file is wanted. */
typedef bool (*CcbInitramfsWanted)(const char *path, void *user);

/* Called for every entry in the order of the image (a later one replaces an earlier one of the same path).  `data` has
 * entry->size bytes if the content was wanted, else it is NULL; both are gone after the call.  Returning false with an
 * error set ends the walk. */
typedef bool (*CcbInitramfsVisit)(const CcbInitramfsEntry *entry, const void *data, void *user,
                                  GError **error);

/* `wanted` NULL: no content.  Errors: CCB_ERR_INPUT with the offset in the image, for what is no archive, is truncated,
 * or is too large (also a wanted file of more than 16 MiB); those of `visit`. */
bool ccb_initramfs_walk(const void *data, size_t size, CcbInitramfsWanted wanted,
                        CcbInitramfsVisit visit, void *user, GError **error);
