/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/run.h"

#include "base/cancel.h"
#include "base/error.h"
#include "check/context.h"

#define ROW(name) ccb_checks_##name,
const CcbCheck *const ccb_check_families[] = {CCB_CHECK_FAMILIES(ROW) NULL};

static const char *find_waiver(const CcbExpectation *expect, const char *id)
{
    for (guint i = 0; expect->waivers != NULL && i < expect->waivers->len; i++) {
        const CcbWaiver *waiver = expect->waivers->pdata[i];
        if (g_str_equal(waiver->check, id))
            return waiver->reason;
    }
    return NULL;
}

static bool run_one(CcbCheckContext *ctx, const CcbCheck *check, CcbResults *results,
                    GError **error)
{
    g_autoptr(GString) detail = g_string_new(NULL);
    CcbCheckResult result = {.status = CCB_PASS, .detail = detail};
    if (ccb_cancel_check(error))
        return false;
    bool done = check->run(ctx, &result, &result.error);
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
    ccb_results_add(results,
                    &(CcbResultRow){.id = check->id,
                                    .severity = check->severity,
                                    .status = result.status,
                                    .detail = detail->str,
                                    .why = check->why,
                                    .remedy = check->remedy,
                                    .waiver = (char *)find_waiver(ctx->expect, check->id)});
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
            if (!run_one(ctx, check, results, error))
                return false;
    *ret_results = g_steal_pointer(&results);
    return true;
}

bool ccb_check_image(CcbGuest *guest, const CcbExpectation *expect, CcbResults **ret_results,
                     GError **error)
{
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    return ccb_check_run(ctx, ccb_check_families, ret_results, error);
}

char *ccb_check_table(void)
{
    GString *text = g_string_new(NULL);
    for (const CcbCheck *const *family = ccb_check_families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            g_string_append_printf(text, "%s\t%s\t%s\t%s\n", check->id,
                                   check->severity == CCB_SEVERITY_WARNING ? "warning" : "error",
                                   check->why, check->remedy);
    return g_string_free(text, FALSE);
}
