/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a disk as a file of its sectors, with a hole wherever there are zeros. */
#pragma once

#include "image/qcow2-chain.h"

enum { CCB_FINGERPRINT = 16 };

/* Writes what the chain shows to `path`, made `size` bytes long, which is not less than the disk has.
 * The fingerprint (may be NULL) tells disks apart that differ, as far as 128 bits can.  Errors:
 * CCB_ERR_INPUT (corrupt), CCB_ERR_IO. */
bool ccb_raw_write(CcbQcow2Chain *chain, const char *path, uint64_t size,
                   uint8_t ret_fingerprint[CCB_FINGERPRINT], GError **error);
