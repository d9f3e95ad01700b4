/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions of NVIDIA drivers, "550.144.03": two or three numbers, compared as numbers; the first
 * one is the branch.  The tables of good and bad ones in driver.c were collected from public
 * sources; extend them there when NVIDIA releases a branch. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Fixed fields, missing ones being 0, so that versions can be copied and compared at will. */
typedef struct {
    guint branch, minor, patch;
} CcbDriverVersion;

/* Errors: CCB_ERR_INPUT for anything but two or three numbers with dots between. */
bool ccb_driver_parse(const char *text, CcbDriverVersion *ret_version, GError **error);

/* < 0, 0 or > 0, as strcmp(). */
int ccb_driver_compare(CcbDriverVersion a, CcbDriverVersion b);

/* The guide's minimum for instances with that many GPUs, 1 or 8. */
const char *ccb_driver_minimum(unsigned gpus);

/* Why attestation is known to fail with this version, or NULL; a constant. */
const char *ccb_driver_known_bad(CcbDriverVersion version);

/* Whether its branch supports confidential computing, and from a version on that this one has
 * reached.  False for branches that this program does not know, but for newer ones: NVIDIA has not
 * taken it out of any, and the list is older than the next branch. */
bool ccb_driver_supports_cc(CcbDriverVersion version);

/* The branches with confidential computing that have versions from `least` on: "550, 570, ... and newer ones"; caller
 * frees. */
char *ccb_driver_cc_branches(CcbDriverVersion least);

/* Whether its branch is newer than those of the tables: to be said where it is accepted. */
bool ccb_driver_is_newer_than_known(CcbDriverVersion version);

/* The kernel modules that a driver consists of, without ".ko"; ends with NULL. */
extern const char *const ccb_driver_modules[];

/* Whether a licence, as modinfo says it (NULL: none), is that of the open flavour of one of these
 * modules.  nvidia-peermem has one of its own, "Linux-OpenIB" and later "Dual BSD/GPL", for it came
 * from Mellanox; of it is only asked that it is not the proprietary driver's. */
bool ccb_driver_license_is_open(const char *module, const char *license);

/* That of the other four, for messages. */
#define CCB_DRIVER_LICENSE "Dual MIT/GPL"

/* Whether a package, "name-[epoch:]version-release.arch", is one of a driver, of any of the
 * repositories that have one. */
bool ccb_driver_is_package(const char *package);

/* The setting of Protected PCIe mode, which is for eight GPUs: a key of the module option
 * NVreg_RegistryDwords. */
#define CCB_PROTECTED_PCIE "RmEnableProtectedPcie"

/* Whether a value of that option, a list "KEY=NUMBER;..." (NULL: none), has this key with a number
 * other than 0. */
bool ccb_registry_is_set(const char *list, const char *key);
