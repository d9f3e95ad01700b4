/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several families ask about the driver's kernel modules. */
#pragma once

#include "check/context.h"
#include "format/module.h"

/* "nvidia_uvm" for "nvidia-uvm.ko.xz" or a path to it: how modules are compared; NULL for what is
 * no module. Caller frees. */
char *ccb_module_name(const char *path);

/* The files of a module for the kernel that boots, relative to /lib/modules/KVER, wherever they
 * are. */
bool ccb_check_module_paths(CcbCheckContext *ctx, const char *name, GPtrArray **ret_paths,
                            GError **error);

/* What a module says of itself; *ret is NULL where there is no such file. */
bool ccb_check_module(CcbCheckContext *ctx, const char *name, const CcbModule **ret,
                      GError **error);

/* The driver the image should have: the expected one, or else nvidia.ko's. */
const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error);
