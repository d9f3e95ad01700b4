/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File operations below a directory that is somebody else's root.  Every path is resolved by the
 * kernel with openat2(RESOLVE_IN_ROOT): an absolute or climbing symlink of the guest stays inside,
 * and can't be swapped for one that doesn't.  Devices, FIFOs and sockets are never read or written.
 */
#pragma once

#include "guest/guest.h"

bool ccb_rooted_stat(int root, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                     GError **error);
bool ccb_rooted_get(int root, const char *path, int fd, GError **error);
char *ccb_rooted_digest(int root, const char *path, GError **error);
char *ccb_rooted_readlink(int root, const char *path, GError **error);
char **ccb_rooted_list(int root, const char *path, GError **error);
char **ccb_rooted_find(int root, const char *path, GError **error);
bool ccb_rooted_walk(int root, const char *path, GPtrArray *entries, GError **error);
bool ccb_rooted_put(int root, const char *path, int fd, mode_t mode, uid_t uid, gid_t gid,
                    GError **error);
bool ccb_rooted_mkdir(int root, const char *path, GError **error);
bool ccb_rooted_set_owner(int root, const char *path, mode_t mode, uid_t uid, gid_t gid,
                          GError **error);
bool ccb_rooted_symlink(int root, const char *target, const char *path, GError **error);
bool ccb_rooted_remove(int root, const char *path, GError **error);
