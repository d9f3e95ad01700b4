/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-units.h"

static gpointer produce_set(CcbCheckContext *ctx, const char *name, GError **error)
{
    return ccb_unitset_read(ctx->guest, error);
}

CcbUnitSet *ccb_check_units(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "units", "", produce_set, (GDestroyNotify)ccb_unitset_free, error);
}

CcbUnit *ccb_check_unit(CcbCheckContext *ctx, const char *name, GError **error)
{
    CcbUnit *unit = NULL;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set != NULL)
        ccb_unitset_unit(set, ctx->guest, name, &unit, error);
    return unit;
}
