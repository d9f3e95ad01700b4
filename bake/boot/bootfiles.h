/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a boot test needs from an image: what GRUB would load, what its unit files say, and an overlay to boot.
 *
 * Into the overlay, never into an image, goes what the test adds: a unit that follows the journal and writes it to the
 * second serial port, or a login without a password on the first.  The unit is ordered after journald alone, nothing is
 * ordered after it, and it runs with low priority: no other unit starts earlier or later by it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/guest.h"

#define CCB_BOOT_JOURNAL_UNIT "ccbake-journal.service"

typedef enum {
    CCB_SOURCE_KERNEL = 1 << 0, /* copies kernel and initrd to the host */
    CCB_SOURCE_JOURNAL =
        1 << 1,                /* adds the unit that writes the journal to the second serial port */
    CCB_SOURCE_LOGIN = 1 << 2, /* adds a login as root on the console */
} CcbSourceFlags;

typedef struct {
    CcbSourceFlags flags;      /* what was asked for */
    char *image;               /* host path */
    char *overlay;             /* qcow2 over it, to be booted and thrown away */
    char *entry;               /* id of the default boot entry, made printable */
    char *kernel, *initrd;     /* files of the host; NULL: not asked for, or there is none */
    char *cmdline;             /* with GRUB's variables replaced */
    char *target;              /* default target: "multi-user.target"; NULL: not known */
    char **gpu_consumers;      /* units that the image's files order after CCB_PERSISTENCED */
    GHashTable *gpu_requirers; /* units (char *) that require one that needs a GPU (char *) */
    char *units_unread; /* why the image's unit files could not all be read, printable, or NULL */
    char *not_injected; /* why the overlay has not what was asked for, printable, or NULL */
} CcbBootSource;

/* Makes the overlay in `dir` and opens that, never the image, for writing through `backend` (not AUTO).  Errors:
 * CCB_ERR_INPUT (as ccb_facts_of_guest(), and no kernel), CCB_ERR_HOST, CCB_ERR_IO. */
CcbBootSource *ccb_boot_source_read(const char *image, const char *dir, CcbBackend backend,
                                    CcbSourceFlags flags, GError **error);
void ccb_boot_source_free(CcbBootSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbBootSource, ccb_boot_source_free)
