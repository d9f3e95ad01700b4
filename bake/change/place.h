/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether what is put at a path of the root file system is there on a machine that boots the image.
 *
 *     g_autoptr(GPtrArray) mounts = ccb_mounts_read(guest, disk, error);     once
 *     ccb_mounts_check(mounts, path, error);                                for each path
 */
#pragma once

#include <stdbool.h>

#include "guest/guest.h"

/* The directories on which /etc/fstab mounts another file system of the disk at boot; caller unrefs.  `disk` NULL: not
 * known, there are none.  Errors: those of reading /etc/fstab. */
GPtrArray *ccb_mounts_read(CcbGuest *guest, const CcbDisk *disk, GError **error);

/* Refuses a path below one of them.  Errors: CCB_ERR_STEP with a hint. */
bool ccb_mounts_check(const GPtrArray *mounts, const char *path, GError **error);
