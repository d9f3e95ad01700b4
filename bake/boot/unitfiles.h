/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unit files of an image say of its boot, drop-ins and links included. */
#pragma once

#include "boot/bootfiles.h"
#include "guest/guest.h"

/* Fills in target, gpu_consumers and gpu_requirers.  Where files can't be read these have what was read before, and
 * units_unread says why: a boot without them still shows something. */
void ccb_boot_read_units(CcbGuest *guest, CcbBootSource *source);
