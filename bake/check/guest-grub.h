/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that GRUB makes a kernel's command line of. */
#pragma once

#include "check/context.h"
#include "text/cmdline.h"

/* The second is the real one on some images that boot through UEFI only; on the others it is a
 * stub.  Ends with NULL. */
extern const char *const ccb_grub_configs[];

/* A variable of grubenv; NULL where the block or the variable is missing.  Caller frees. */
char *ccb_check_grubenv_get(CcbCheckContext *ctx, const char *name, GError **error);

/* The fallback for kernelopts in a grub.cfg; NULL where there is none.  Caller frees. */
char *ccb_check_grubcfg_kernelopts(CcbCheckContext *ctx, const char *path, GError **error);

/* Fails the result unless the argument, KEY=VALUE or KEY, is in effect in a command line; `place` names that. */
void ccb_check_argument(const CcbCmdline *line, const char *argument, const char *place,
                        CcbCheckResult *result, GError **error);
