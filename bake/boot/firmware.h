/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UEFI firmware of this host for a virtual machine: what the descriptors say that distributions install for QEMU
 * (docs/interop/firmware.json of QEMU), and else the files where they are known to be.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *code, *code_format; /* read only: "raw" or "qcow2" */
    char *vars, *vars_format; /* a template: to be copied */
    bool smm;                 /* it protects its variables by system management mode */
} CcbFirmware;

void ccb_firmware_clear(CcbFirmware *firmware);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbFirmware, ccb_firmware_clear)

/* Firmware for x86_64 and q35 that checks no signatures: without keys of Secure Boot enrolled, as the cloud's instances
 * are.  Errors: CCB_ERR_HOST with the package to install. */
bool ccb_firmware_find(CcbFirmware *ret, GError **error);

/* As above, in folders of descriptors, ends with NULL; a file of an earlier one stands for those of its name in later
 * ones.  False where there is none. */
bool ccb_firmware_search(const char *const *dirs, CcbFirmware *ret);
