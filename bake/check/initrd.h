/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The initramfs of each kernel that can be booted, of one file or several, walked once. */
#pragma once

#include "check/context.h"
#include "text/modprobe.h"

typedef struct {
    char *path;            /* of the files in the guest, with a space between them */
    char *kver;            /* of the kernel that is booted with it */
    GHashTable *modules;   /* set of names with '_': this kernel's modules */
    GHashTable *files;     /* path ► content (GBytes) of the modprobe.d files */
    CcbModprobe *modprobe; /* what they say */
} CcbInitrd;

/* Those of all entries of ccb_check_boot_entries(), in their order, as CcbInitrd; none on error.
 * Belongs to the context. */
const GPtrArray *ccb_check_initrds(CcbCheckContext *ctx, GError **error);
