/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of this host as a read-only disk for the appliance: ISO 9660 with Rock Ridge, written by
 * libarchive. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* `files`: CcbAttachment.  Files over 4 GiB become multi-extent files (level 3).  Errors:
 * CCB_ERR_IO. */
bool ccb_iso_write(const char *path, const GPtrArray *files, GError **error);
