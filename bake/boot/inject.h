/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a boot test adds to the throw-away overlay, through the guest interface; never to an image.  It works whatever
 * starts the kernel, and with the systemd of el8 (239), which takes no units from the kernel's command line.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/guest.h"

#define CCB_BOOT_JOURNAL_UNIT "ccbake-journal.service"

/* A unit that follows the journal and writes it to the second serial port.  It is ordered after journald alone, nothing
 * is ordered after it, and it runs with low priority: no other unit starts earlier or later by it. */
bool ccb_inject_journal(CcbGuest *guest, GError **error);

/* root is logged in on the first serial port, without a password. */
bool ccb_inject_login(CcbGuest *guest, GError **error);
