/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

const CcbCheck *const ccb_check_families[] = {
    ccb_checks_kernel,
    ccb_checks_arguments,
    ccb_checks_initramfs,
    ccb_checks_nouveau,
    ccb_checks_modprobe,
    ccb_checks_driver,
    ccb_checks_driver_modules,
    ccb_checks_userspace,
    ccb_checks_cuda,
    ccb_checks_fabric,
    ccb_checks_units,
    ccb_checks_python,
    ccb_checks_updates,
    ccb_checks_cloud_init,
    ccb_checks_import,
    ccb_checks_hygiene,
    ccb_checks_machine,
    ccb_checks_selftest,
    NULL,
};
