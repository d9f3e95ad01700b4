/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what is put at a path of the root file system is there on a machine that boots the image. */
#pragma once

#include <stdbool.h>

#include "guest/guest.h"

/* Refuses a path below a directory on which /etc/fstab mounts another file system of the same disk.  `disk` NULL: not
 * known, nothing is refused.  Errors: CCB_ERR_STEP with a hint; those of reading /etc/fstab. */
bool ccb_place_check(CcbGuest *guest, const CcbDisk *disk, const char *path, GError **error);
