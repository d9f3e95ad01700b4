/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a unit uses the GPU, as far as its commands tell: those of a script are not looked at. */
#pragma once

#include "check/context.h"
#include "systemd/unit.h"

/* The first of the unit's commands at start that names a program of NVIDIA's or of the CUDA toolkit, or that gives a
 * container a GPU; NULL: none does.  Belongs to the unit. */
const CcbUnitValue *ccb_unit_gpu_command(const CcbUnit *unit);

/* Where the unit is a container engine that knows NVIDIA's runtime, and so starts containers that want a GPU again at
 * boot: the configuration that says so, a constant; else *ret_path is NULL. */
bool ccb_check_gpu_engine(CcbCheckContext *ctx, const char *unit, const char **ret_path,
                          GError **error);
