/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The partition table of a disk, and what is in its partitions, as libblkid finds it. */
#pragma once

#include "guest/disk.h"

/* Fills in the table and the partitions of the disk, which `fd` shows.  Errors: CCB_ERR_INPUT. */
bool ccb_disk_read_table(CcbDisk *disk, int fd, GError **error);
