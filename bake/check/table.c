/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

const CcbCheckFamily ccb_check_families[] = {
    {"kernel", ccb_checks_kernel},
    {"kernel arguments", ccb_checks_arguments},
    {"initramfs", ccb_checks_initramfs},
    {"modprobe", ccb_checks_modprobe},
    {"driver", ccb_checks_driver},
    {"userspace", ccb_checks_userspace},
    {"cuda", ccb_checks_cuda},
    {"fabric", ccb_checks_fabric},
    {"units", ccb_checks_units},
    {"python", ccb_checks_python},
    {"updates", ccb_checks_updates},
    {"cloud-init", ccb_checks_cloud_init},
    {"import", ccb_checks_import},
    {"hygiene", ccb_checks_hygiene},
    {"selftest", ccb_checks_selftest},
    {NULL, NULL},
};
