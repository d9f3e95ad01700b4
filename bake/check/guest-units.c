/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-units.h"

static gpointer produce_set(CcbCheckContext *ctx, const char *name, GError **error)
{
    return ccb_unitset_read(ctx->guest, error);
}

static void free_set(gpointer set)
{
    ccb_unitset_free(set);
}

CcbUnitSet *ccb_check_units(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "units", "", produce_set, free_set, error);
}

bool ccb_check_unit(CcbCheckContext *ctx, const char *name, CcbUnit **ret, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    return set != NULL && ccb_unitset_unit(set, ctx->guest, name, ret, error);
}
