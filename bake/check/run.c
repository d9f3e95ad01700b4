/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/run.h"

#include "base/cancel.h"
#include "base/error.h"
#include "check/check-own.h"
#include "check/context.h"

#define ROW(name) ccb_checks_##name,
const CcbCheck *const ccb_check_families[] = {CCB_CHECK_FAMILIES(ROW) NULL};

const char *ccb_check_find_waiver(const CcbExpectation *expect, const char *id)
{
    for (guint i = 0; expect->waivers != NULL && i < expect->waivers->len; i++) {
        const CcbWaiver *waiver = expect->waivers->pdata[i];
        if (g_str_equal(waiver->check, id))
            return waiver->reason;
    }
    return NULL;
}

/* The row of a check of the recipe's own: what its author left out is said for all of them. */
static CcbCheck own_row(const CcbOwnCheck *own)
{
    return (CcbCheck){
        .id = own->id,
        .severity = g_str_equal(own->severity, "warn") ? CCB_SEVERITY_WARNING : CCB_SEVERITY_ERROR,
        .why = own->why != NULL ? own->why : "The recipe asks for it.",
        .remedy = own->remedy != NULL ? own->remedy
                                      : "Correct the step of the recipe that it depends on.",
    };
}

/* `own`: of a check of the recipe's own, which has no .run; else NULL. */
static bool run_one(CcbCheckContext *ctx, const CcbCheck *check, const CcbOwnCheck *own,
                    CcbResults *results, GError **error)
{
    g_autoptr(GString) detail = g_string_new(NULL);
    CcbCheckResult result = {.status = CCB_PASS, .detail = detail};
    if (ccb_cancel_check(error))
        return false;
    bool done = own != NULL ? ccb_check_own(ctx, own, &result, &result.error)
                            : check->run(ctx, &result, &result.error);
    g_autoptr(GError) problem = result.error;
    if (problem != NULL) {
        int code = ccb_exit_code(problem);
        if (code == CCB_ERR_CANCELLED || code == CCB_ERR_HOST || code == CCB_ERR_IO) {
            g_propagate_prefixed_error(error, g_steal_pointer(&problem), "%s: ", check->id);
            return false;
        }
    }
    if (problem != NULL || !done) {
        result.status = CCB_UNREADABLE;
        g_string_append_printf(detail, "%s%s", detail->len > 0 ? "; " : "",
                               problem != NULL ? problem->message : "the check broke down");
    }
    ccb_results_add(
        results, &(CcbResultRow){.id = check->id,
                                 .severity = check->severity,
                                 .status = result.status,
                                 .detail = detail->str,
                                 .why = check->why,
                                 .remedy = check->remedy,
                                 .waiver = (char *)ccb_check_find_waiver(ctx->expect, check->id)});
    return true;
}

bool ccb_check_run(CcbCheckContext *ctx, const CcbCheck *const *families, CcbResults **ret_results,
                   GError **error)
{
    g_autoptr(CcbResults) results = ccb_results_new();
    ccb_check_infer(ctx);
    for (guint i = 0; i < ctx->notes->len; i++)
        g_ptr_array_add(results->notes, g_strdup(ctx->notes->pdata[i]));
    for (const CcbCheck *const *family = families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            if (!run_one(ctx, check, NULL, results, error))
                return false;
    *ret_results = g_steal_pointer(&results);
    return true;
}

bool ccb_check_image(CcbCheckContext *ctx, CcbResults **ret_results, GError **error)
{
    g_autoptr(CcbResults) results = NULL;
    if (!ccb_check_run(ctx, ccb_check_families, &results, error))
        return false;
    for (guint i = 0; ctx->expect->checks != NULL && i < ctx->expect->checks->len; i++) {
        const CcbOwnCheck *own = ctx->expect->checks->pdata[i];
        const CcbCheck row = own_row(own);
        if (!run_one(ctx, &row, own, results, error))
            return false;
    }
    *ret_results = g_steal_pointer(&results);
    return true;
}

static void append_line(GString *table, const CcbCheck *check)
{
    g_autofree char *why = ccb_results_printable(check->why);
    g_autofree char *remedy = ccb_results_printable(check->remedy);
    g_string_append_printf(table, "%s\t%s\t%s\t%s\n", check->id,
                           check->severity == CCB_SEVERITY_WARNING ? "warning" : "error", why,
                           remedy);
}

char *ccb_check_table(const CcbExpectation *expect)
{
    GString *table = g_string_new(NULL);
    for (const CcbCheck *const *family = ccb_check_families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            append_line(table, check);
    for (guint i = 0; expect->checks != NULL && i < expect->checks->len; i++) {
        const CcbCheck row = own_row(expect->checks->pdata[i]);
        append_line(table, &row);
    }
    return g_string_free(table, FALSE);
}
