/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units that use the GPU and that nobody named, as far as their texts and their programs' tell. */
#pragma once

#include "check/guest-units.h"

/* Why a unit uses the GPU when it starts: "a.service:3: ExecStart=/usr/bin/nvidia-smi"; NULL: it does not, or not to be
 * seen.  Caller frees. */
char *ccb_check_gpu_use(CcbCheckContext *ctx, const char *name, const CcbUnit *unit,
                        GError **error);

/* Fails for what stops nvidia-persistenced, or restarts it, while the machine runs. */
bool ccb_check_gpu_session(CcbCheckContext *ctx, CcbUnitSet *set, CcbCheckResult *result,
                           GError **error);
