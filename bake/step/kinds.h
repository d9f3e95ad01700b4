/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every step kind; a new one is a file in this folder and a row below. */
#pragma once

#include "plan/kind.h"

extern const CcbStepKind *const ccb_step_kinds[]; /* NULL-terminated */

/* "name" to its ccb_step_name: one line a kind, in the order in which `ccbake recipe --kinds` has
 * them. */
#define CCB_STEP_KINDS(X)                                                                          \
    X(kernel)                                                                                      \
    X(packages)                                                                                    \
    X(rpm)                                                                                         \
    X(kernel_args)                                                                                 \
    X(modprobe)                                                                                    \
    X(nouveau_blacklist)                                                                           \
    X(tdx_guest)                                                                                   \
    X(nvidia_driver)                                                                               \
    X(cuda_toolkit)                                                                                \
    X(fabric_manager)                                                                              \
    X(nscq)                                                                                        \
    X(units)                                                                                       \
    X(python_packages)                                                                             \
    X(overlay)                                                                                     \
    X(files)                                                                                       \
    X(chmod)                                                                                       \
    X(remove)                                                                                      \
    X(initramfs)                                                                                   \
    X(selftest)                                                                                    \
    X(run)

#define CCB_DECLARE_STEP_KIND(name) extern const CcbStepKind ccb_step_##name;
CCB_STEP_KINDS(CCB_DECLARE_STEP_KIND)
