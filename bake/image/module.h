/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel module says of itself: the NUL-separated key=value strings of its ELF section
 * .modinfo (include/linux/moduleparam.h), as modinfo(8) prints them, and which symbols it needs of
 * the kernel or of other modules.  The module may be compressed (.xz .zst .gz).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes, uncompressed; nvidia.ko with debug data has about 100 MiB. */
#define CCB_MODULE_MAX (512u << 20)

typedef struct CcbModule CcbModule;

/* Errors: CCB_ERR_INPUT for what is no ELF file, has no .modinfo, or can't be decompressed. */
CcbModule *ccb_module_parse(const void *data, size_t size, GError **error);
void ccb_module_free(CcbModule *module); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbModule, ccb_module_free)

/* The first value of a key ("version", "license", "softdep", "vermagic", "name", "depends"), or
 * NULL; belongs to `module`. */
const char *ccb_module_get(const CcbModule *module, const char *key);

/* Whether a symbol of that name is undefined in it: the module calls what others have to export. */
bool ccb_module_needs(const CcbModule *module, const char *symbol);

/* "nvidia_uvm" for "nvidia-uvm.ko.xz" or a path to it: module names are compared with '_' for '-'.
 * NULL for what is no module; caller frees. */
char *ccb_module_name(const char *path);
