/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File operations below a directory that is somebody else's root.  Every path is resolved by the kernel with
 * openat2(RESOLVE_IN_ROOT): an absolute or climbing symlink of the guest stays inside, and can't be swapped for one that
 * doesn't.  Devices, FIFOs and sockets are never read or written.
 *
 * These are operations as guest/backend.h describes them.  Their first argument is an `int *`: a descriptor of the root
 * directory, opened with O_PATH or for reading.  Errors: CCB_ERR_INPUT with the path; CCB_ERR_IO where copying fails.
 */
#pragma once

#include "guest/backend.h"

bool ccb_rooted_stat(void *root, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                     GError **error);

/* Writes a regular file to `fd`, at its offset. */
bool ccb_rooted_get(void *root, const char *path, int fd, GError **error);

/* Its SHA-256; caller frees. */
char *ccb_rooted_digest(void *root, const char *path, GError **error);

/* The target as it is written, at most 4095 bytes of it; caller frees. */
char *ccb_rooted_readlink(void *root, const char *path, GError **error);

/* Names in a directory, in any order; caller frees. */
char **ccb_rooted_list(void *root, const char *path, GError **error);

/* Adds a CcbGuestEntry for each path below it, down to 257 directories. */
bool ccb_rooted_walk(void *root, const char *path, GPtrArray *entries, GError **error);

/* Creates a file, or replaces the content of one, with what is left to read of `fd`. */
bool ccb_rooted_put(void *root, const char *path, int fd, const CcbFileAttr *attr, GError **error);

/* One directory, 0755 and root's; its parent is there. */
bool ccb_rooted_mkdir(void *root, const char *path, GError **error);

bool ccb_rooted_set_attr(void *root, const char *path, const CcbFileAttr *attr, GError **error);

/* `path` must not be there yet. */
bool ccb_rooted_symlink(void *root, const char *target, const char *path, const CcbFileAttr *attr,
                        GError **error);

/* A file or a tree; the last component is not followed. */
bool ccb_rooted_remove(void *root, const char *path, GError **error);
