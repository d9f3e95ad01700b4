/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long systemd lets the units of the GPU start and stop, before it kills them. */
#pragma once

#include "check/context.h"

bool ccb_check_time_limits(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
