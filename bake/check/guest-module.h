/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several families ask about kernel modules, and those of the driver. */
#pragma once

#include "check/context.h"
#include "guide/driver.h"
#include "image/module.h"
#include "text/modprobe.h"

/* The files of a module, relative to /lib/modules/KVER, wherever they are. */
bool ccb_check_module_paths(CcbCheckContext *ctx, const char *kver, const char *name,
                            GPtrArray **ret_paths, GError **error);

/* Skips what is about the driver where the image is to have none, or has none (driver.present). */
bool ccb_check_skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result);

/* Whether anything of a driver is there: a module for a kernel that can be booted, nvidia-smi, or a
 * package. */
bool ccb_check_has_driver(CcbCheckContext *ctx, bool *ret_has, GError **error);

/* What a module says of itself; *ret is NULL where there is no such file. */
bool ccb_check_module(CcbCheckContext *ctx, const char *kver, const char *name,
                      const CcbModule **ret, GError **error);

/* The driver the image should have: the expected one, or else nvidia.ko's of the kernel that
 * boots. */
const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error);

/* modprobe's configuration on the disk: all files of its directories, in modprobe's order; that of
 * an initramfs is in check/initrd.h.  Belongs to the context. */
const CcbModprobe *ccb_check_modprobe(CcbCheckContext *ctx, GError **error);
