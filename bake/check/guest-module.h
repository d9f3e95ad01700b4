/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several families ask about the driver's kernel modules. */
#pragma once

#include "check/context.h"
#include "image/module.h"

/* "nvidia_uvm" for "nvidia-uvm.ko.xz" or a path to it: how modules are compared; NULL for what is
 * no module. Caller frees. */
char *ccb_module_name(const char *path);

/* The files of a module, relative to /lib/modules/KVER, wherever they are. */
bool ccb_check_module_paths(CcbCheckContext *ctx, const char *kver, const char *name,
                            GPtrArray **ret_paths, GError **error);

/* Skips what is about the driver where the image is to have none, or has none (driver.present). */
bool ccb_check_skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result);

/* Whether a package, as in ccb_check_packages(), is one of a driver. */
bool ccb_is_driver_package(const char *package);

/* Whether anything of a driver is there: a module for a kernel that can be booted, nvidia-smi, or a
 * package. */
bool ccb_check_has_driver(CcbCheckContext *ctx, bool *ret_has, GError **error);

/* What a module says of itself; *ret is NULL where there is no such file. */
bool ccb_check_module(CcbCheckContext *ctx, const char *kver, const char *name,
                      const CcbModule **ret, GError **error);

/* The driver's setting of Protected PCIe mode, of eight GPUs; a key of its option
 * NVreg_RegistryDwords. */
#define CCB_PROTECTED_PCIE "RmEnableProtectedPcie"

/* Whether the ';'-separated key=value list (NULL: none) has this key with a number that is not
 * 0. */
bool ccb_registry_is_set(const char *list, const char *key);

/* The driver the image should have: the expected one, or else nvidia.ko's of the kernel that
 * boots. */
const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error);
