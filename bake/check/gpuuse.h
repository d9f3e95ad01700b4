/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a unit uses the GPU, as far as its commands tell: those of a script are not looked at. */
#pragma once

#include "format/unit.h"

/* The first of the unit's commands at start that names a program of NVIDIA's or of the CUDA toolkit, or that gives a
 * container a GPU; NULL: none does.  Belongs to the unit. */
const CcbUnitValue *ccb_unit_gpu_command(const CcbUnit *unit);
