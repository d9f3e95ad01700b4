/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unit files of the image that is checked, read once. */
#pragma once

#include "check/context.h"
#include "systemd/unitset.h"

/* Belongs to the context; NULL on error. */
CcbUnitSet *ccb_check_units(CcbCheckContext *ctx, GError **error);

/* One unit with its drop-ins; NULL where neither is there, and on error.  Caller frees. */
CcbUnit *ccb_check_unit(CcbCheckContext *ctx, const char *name, GError **error);
