/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a file can be a disk image, by its first and last bytes: before anything is started to open it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Passes qcow2, VHD, and what can be a raw image: whole sectors that are no text, or a partition table.  Errors:
 * CCB_ERR_INPUT, which says what the file is where that is known (compressed, an archive, an image of another
 * program, a web page, text) and what to do; CCB_ERR_IO. */
bool ccb_sniff_image(const char *path, GError **error);
