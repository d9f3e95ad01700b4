/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several families ask about kernel modules, and about the driver, which has five of them.
 * Errors are those of check/context.h. */
#pragma once

#include "check/context.h"
#include "guide/driver.h"
#include "image/module.h"
#include "text/modprobe.h"

/* The files of a module, relative to /lib/modules/KVER, wherever they are (char *, belonging to the
 * context); never NULL, caller unrefs. */
GPtrArray *ccb_check_module_paths(CcbCheckContext *ctx, const char *kver, const char *name,
                                  GError **error);

/* What a module says of itself; NULL where there is no such file. */
const CcbModule *ccb_check_module(CcbCheckContext *ctx, const char *kver, const char *name,
                                  GError **error);

/* modprobe's configuration on the disk: all files of its directories, in modprobe's order; that of
 * an initramfs is in check/initrd.h.  NULL on error. */
const CcbModprobe *ccb_check_modprobe(CcbCheckContext *ctx, GError **error);

/* Whether there is anything of a driver: a module for a kernel that can be booted, nvidia-smi, or a
 * package.  False on error. */
bool ccb_check_has_driver(CcbCheckContext *ctx, bool *ret_has, GError **error);

/* The driver that the image should have: the expected one, or else that of the nvidia.ko of the
 * kernel that boots.  NULL on error. */
const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error);

/* Skips what is about the driver where the image is to have none, or has none (driver.present). */
bool ccb_check_skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result);

/* Skips what is about the driver of images for this number of GPUs, 1 or 8. */
bool ccb_check_skip_unless_gpus(CcbCheckContext *ctx, unsigned gpus, CcbCheckResult *result);

/* "1 GPU", "8 GPUs"; a constant. */
const char *ccb_check_gpus(const CcbCheckContext *ctx);
