/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiled kernel modules of a driver, kept for bakes that need the same ones in another image.
 * They depend on nothing but the kernel's headers (all of kernel-devel, with .config and
 * Module.symvers), the compiler, the driver and how its installer is called; the key is made
 * of these, with names, sizes and times in the place of the headers' content.
 */
#pragma once

#include "plan/kind.h"

/* Where the installer puts them, below /lib/modules/KVER. */
#define CCB_DRIVER_MODULE_DIR "kernel/drivers/video"

/* The key for this image; caller frees.  NULL without an error: the image's tools can't tell, and
 * the modules are compiled. */
char *ccb_driver_modules_key(CcbBake *bake, const CcbPayload *driver, const GPtrArray *flags);

/* Puts the modules that were kept under the key into the image.  *ret_found false: there are none.
 */
bool ccb_driver_modules_install(CcbBake *bake, const char *key, bool *ret_found, GError **error);

/* Keeps those that the installer has just put into the image. */
bool ccb_driver_modules_keep(CcbBake *bake, const char *key, GError **error);

/* "/lib/modules/KVER/kernel/drivers/video/NAME.ko"; caller frees. */
char *ccb_driver_module_path(const char *kver, const char *name);
