/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that GRUB makes a kernel's command line of. */
#pragma once

#include "check/context.h"

/* The second is the real one on some images that boot through UEFI only; on the others it is a
 * stub.  Ends with NULL. */
extern const char *const ccb_grub_configs[];

/* A variable of grubenv; *ret_value is NULL where the block or the variable is missing.  Caller
 * frees. */
bool ccb_check_grubenv_get(CcbCheckContext *ctx, const char *name, char **ret_value,
                           GError **error);

/* The fallback for kernelopts in a grub.cfg; *ret_value is NULL where there is none.  Caller
 * frees. */
bool ccb_check_grubcfg_kernelopts(CcbCheckContext *ctx, const char *path, char **ret_value,
                                  GError **error);

/* The command line that GRUB makes of an entry; caller frees. */
char *ccb_check_boot_options(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error);
