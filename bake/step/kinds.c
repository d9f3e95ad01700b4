/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "step/kinds.h"

#define ROW(name) &ccb_step_##name,

const CcbStepKind *const ccb_step_kinds[] = {CCB_STEP_KINDS(ROW) NULL};
