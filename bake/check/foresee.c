/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/foresee.h"

#include <string.h>

#include "base/error.h"
#include "check/run.h"

static void foreseen_free(gpointer data)
{
    CcbForeseen *foreseen = data;
    g_free(foreseen->detail);
    g_free(foreseen->subject);
    g_free(foreseen);
}

static const CcbCheck *find_check(const char *id)
{
    for (const CcbCheck *const *family = ccb_check_families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            if (strcmp(check->id, id) == 0)
                return check;
    g_error("there is no check %s", id); /* a mistake in a table */
}

/* Adds what the check foresees.  False only for errors that are not for the lack of knowledge. */
static bool foresee_one(CcbCheckContext *ctx, const CcbForesee *row, GPtrArray *found,
                        GError **error)
{
    g_autoptr(GString) detail = g_string_new(NULL);
    CcbCheckResult result = {.status = CCB_PASS, .detail = detail};
    const CcbCheck *check = find_check(row->id);
    if (ccb_check_find_waiver(ctx->expect, row->id) != NULL)
        return true;
    row->foresee(ctx, &result, &result.error);
    g_autoptr(GError) problem = result.error;
    g_autofree char *subject = result.subject;
    if (problem != NULL) {
        int code = ccb_exit_code(problem);
        if (code != CCB_ERR_CANCELLED && code != CCB_ERR_HOST && code != CCB_ERR_IO)
            return true;
        g_propagate_prefixed_error(error, g_steal_pointer(&problem), "%s: ", row->id);
        return false;
    }
    if (result.status != CCB_FAIL || check->severity != CCB_SEVERITY_ERROR)
        return true;
    CcbForeseen *foreseen = g_new0(CcbForeseen, 1);
    *foreseen =
        (CcbForeseen){check, g_strdup(detail->str), g_steal_pointer(&subject), result.certain};
    g_ptr_array_add(found, foreseen);
    return true;
}

GPtrArray *ccb_check_foresee(const CcbForesight *known, GError **error)
{
#define ROW(name) ccb_foresees_##name,
    static const CcbForesee *const families[] = {CCB_FORESEE_FAMILIES(ROW)};
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(foreseen_free);
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(known->guest, known->expect);
    ctx->foresight = known;
    ctx->gpus = known->expect->no_driver ? 0 : known->expect->gpus;
    ccb_check_memo_set(ctx, "facts", "", (gpointer)known->facts, NULL);
    ccb_check_memo_set(ctx, "packages", "", known->facts->packages, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(families); i++)
        for (const CcbForesee *row = families[i]; row->id != NULL; row++)
            if (!foresee_one(ctx, row, found, error))
                return NULL;
    return g_steal_pointer(&found);
}

bool ccb_foresee_is_hidden(const CcbForesight *known, const char *unit)
{
    if (known->has_files)
        return false;
    g_autofree char *drop_ins = g_strconcat(unit, ".d", NULL);
    const char *const *units = (const char *const *)known->facts->units;
    return !known->has_base || units == NULL || g_strv_contains(units, unit) ||
           g_strv_contains(units, drop_ins);
}

bool ccb_foresee_is_closed(const CcbForesight *known)
{
    return (known->has_base || known->has_files) && !known->is_open;
}
