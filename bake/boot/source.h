/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a boot test needs from an image: what GRUB would load, and the names of its units. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "boot/console.h"
#include "format/grubenv.h"

typedef struct {
    char *image, *format;  /* host path; "qcow2", "raw", "vpc" */
    char *entry;           /* id of the default boot entry */
    char *kernel, *initrd; /* files of the host, in the directory given to ccb_boot_source_read() */
    char *cmdline;         /* with GRUB's variables replaced */
    char *target;          /* default target: "multi-user.target" */
    CcbUnitNames *names;   /* of services and targets */
    char **
        gpu_consumers; /* units that the image's nvidia-persistenced.service says it comes before */
} CcbBootSource;

/* Opens the image read-only and copies kernel and initrd to `dir`.  Errors: CCB_ERR_INPUT,
 * CCB_ERR_HOST. */
CcbBootSource *ccb_boot_source_read(const char *image, const char *dir, GError **error);
void ccb_boot_source_free(CcbBootSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbBootSource, ccb_boot_source_free)

/* `$name` and `${name}` replaced as GRUB does: from its environment block, or the kernelopts of
 * grub.cfg where the block has none; a variable nobody sets is empty.  `env` and `fallback` may be
 * NULL.  Caller frees. */
char *ccb_boot_expand(const char *options, const CcbGrubenv *env, const char *fallback);
