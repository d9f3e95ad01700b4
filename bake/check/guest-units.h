/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unit files of the image that is checked, read once, as the command line of the boot changes them. */
#pragma once

#include "check/context.h"
#include "systemd/unitset.h"

/* Those of cloud-init, of all its versions; ends with NULL. */
extern const char *const ccb_cloud_init_units[];

/* Belongs to the context; NULL on error. */
CcbUnitSet *ccb_check_units(CcbCheckContext *ctx, GError **error);

/* One unit with its drop-ins; NULL where neither is there, and on error.  Caller frees. */
CcbUnit *ccb_check_unit(CcbCheckContext *ctx, const char *name, GError **error);
