/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host backend's part of CcbGuestOptions.grow_to: a partition and its file system made larger. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/disk.h"

/* Extends the last partition of a raw disk to ccb_disk_end(), and moves the second GPT to the end of the disk.  `disk`:
 * its table as it is.  Errors: CCB_ERR_INPUT. */
bool ccb_grow_last_partition(const char *path, const CcbDisk *disk, GError **error);

/* Checks the ext4 file system on a device, and enlarges it to the device's size.  It must not be mounted: to grow it then
 * would need CAP_SYS_RESOURCE, which containers lack.  Errors: CCB_ERR_INPUT, CCB_ERR_HOST (no e2fsck or resize2fs). */
bool ccb_grow_file_system(const char *device, GError **error);
