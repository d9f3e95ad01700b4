/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out the checks that the recipe brings itself (recipe/own-check.h). */
#pragma once

#include "check/check.h"
#include "recipe/own-check.h"

/* As the .run of a CcbCheck. */
bool ccb_check_own(CcbCheckContext *ctx, const CcbOwnCheck *check, CcbCheckResult *result,
                   GError **error);
