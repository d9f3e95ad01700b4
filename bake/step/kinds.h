/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every step kind; a new one is a file in this folder, a declaration here and a row in table.c. */
#pragma once

#include "plan/kind.h"

extern const CcbStepKind ccb_step_kernel, ccb_step_packages, ccb_step_rpm, ccb_step_kernel_args,
    ccb_step_modprobe, ccb_step_nouveau_blacklist, ccb_step_nvidia_driver, ccb_step_cuda_toolkit,
    ccb_step_fabric_manager, ccb_step_nscq, ccb_step_units, ccb_step_python_packages,
    ccb_step_overlay, ccb_step_initramfs, ccb_step_selftest, ccb_step_run;

extern const CcbStepKind *const ccb_step_kinds[]; /* NULL-terminated */
