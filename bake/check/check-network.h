/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that give an interface its address, of the three programs that read such files. */
#pragma once

#include "check/context.h"

/* Fails the result for each file that gives an interface other than the loopback a fixed address. */
bool ccb_check_static_addresses(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
