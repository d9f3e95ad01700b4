/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/result.h"

#include "base/error.h"

static void row_free(gpointer data)
{
    CcbResultRow *row = data;
    g_free(row->detail);
    g_free(row->waiver);
    g_free(row);
}

CcbResults *ccb_results_new(void)
{
    CcbResults *results = g_new0(CcbResults, 1);
    results->rows = g_ptr_array_new_with_free_func(row_free);
    results->notes = g_ptr_array_new_with_free_func(g_free);
    return results;
}

void ccb_results_free(CcbResults *results)
{
    if (results == NULL)
        return;
    g_ptr_array_unref(results->rows);
    g_ptr_array_unref(results->notes);
    g_free(results);
}

bool ccb_results_row_is_waived(const CcbResultRow *row)
{
    return row->waiver != NULL && (row->status == CCB_FAIL || row->status == CCB_UNREADABLE);
}

static unsigned *counter(CcbResults *results, const CcbResultRow *row)
{
    if (ccb_results_row_is_waived(row))
        return &results->waived;
    switch (row->status) {
    case CCB_PASS:
        return &results->passed;
    case CCB_NOT_APPLICABLE:
        return &results->not_applicable;
    case CCB_FAIL:
        return row->severity == CCB_SEVERITY_WARNING ? &results->warned : &results->failed;
    case CCB_UNREADABLE:
        break;
    }
    return &results->unreadable;
}

void ccb_results_add(CcbResults *results, const CcbResultRow *row)
{
    CcbResultRow *copy = g_memdup2(row, sizeof(*row));
    copy->id = g_intern_string(row->id);
    copy->why = g_intern_string(row->why);
    copy->remedy = g_intern_string(row->remedy);
    copy->detail = g_strdup(row->detail != NULL ? row->detail : "");
    copy->waiver = g_strdup(row->waiver);
    g_ptr_array_add(results->rows, copy);
    if (row->waiver != NULL && !ccb_results_row_is_waived(row))
        g_ptr_array_add(results->notes,
                        g_strdup_printf("waiver not needed: %s %s", row->id,
                                        row->status == CCB_PASS ? "passes" : "does not apply"));
    ++*counter(results, copy);
}

bool ccb_results_row_is_bad(const CcbResults *results, const CcbResultRow *row)
{
    bool counts = row->severity == CCB_SEVERITY_ERROR || results->strict;
    return !ccb_results_row_is_waived(row) &&
           (row->status == CCB_UNREADABLE || (row->status == CCB_FAIL && counts));
}

bool ccb_results_is_good(const CcbResults *results)
{
    return results->failed == 0 && results->unreadable == 0 &&
           (!results->strict || results->warned == 0);
}

bool ccb_results_verdict(const CcbResults *results, GError **error)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = results->rows->pdata[i];
        if (ccb_results_row_is_bad(results, row))
            g_string_append_printf(ids, "%s%s", ids->len > 0 ? ", " : "", row->id);
    }
    if (ids->len == 0)
        return true;
    return ccb_fail(error, CCB_ERR_CHECK, "the image is not right: %s", ids->str);
}

/* A detail may hold text of the guest: control characters must not reach the terminal. */
char *ccb_results_printable(const char *text)
{
    char *copy = g_utf8_make_valid(text, -1);
    for (char *p = copy; *p != '\0'; p++)
        if (g_ascii_iscntrl(*p))
            *p = ' ';
    return copy;
}

static void append_row(GString *text, const CcbResultRow *row, int width)
{
    static const char *const names[] = {[CCB_PASS] = "PASS",
                                        [CCB_FAIL] = "FAIL",
                                        [CCB_NOT_APPLICABLE] = "N/A ",
                                        [CCB_UNREADABLE] = "ERR "};
    bool waived = ccb_results_row_is_waived(row);
    bool warning = row->status == CCB_FAIL && row->severity == CCB_SEVERITY_WARNING;
    g_autofree char *detail = ccb_results_printable(row->detail);
    g_string_append_printf(text, "%s %-*s  %s\n",
                           waived    ? "WAIVED"
                           : warning ? "WARN"
                                     : names[row->status],
                           width, row->id, detail);
    if (waived) {
        g_autofree char *reason = ccb_results_printable(row->waiver);
        g_string_append_printf(text, "     waived: %s\n", reason);
    } else if (row->status == CCB_FAIL || row->status == CCB_UNREADABLE) {
        g_string_append_printf(text, "     why: %s\n     remedy: %s\n", row->why, row->remedy);
    }
}

char *ccb_results_bad_to_text(const CcbResults *results)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < results->rows->len; i++)
        if (ccb_results_row_is_bad(results, results->rows->pdata[i]))
            append_row(text, results->rows->pdata[i], 0);
    return g_string_free(text, FALSE);
}

char *ccb_results_to_text(const CcbResults *results)
{
    GString *text = g_string_new(NULL);
    size_t width = 0;
    for (guint i = 0; i < results->notes->len; i++)
        g_string_append_printf(text, "%s\n", (const char *)results->notes->pdata[i]);
    for (guint i = 0; i < results->rows->len; i++)
        width = MAX(width, strlen(((CcbResultRow *)results->rows->pdata[i])->id));
    for (guint i = 0; i < results->rows->len; i++)
        append_row(text, results->rows->pdata[i], (int)width);
    g_string_append_printf(
        text, "%u passed, %u failed, %u warnings, %u waived, %u unreadable, %u not applicable\n",
        results->passed, results->failed, results->warned, results->waived, results->unreadable,
        results->not_applicable);
    return g_string_free(text, FALSE);
}

json_t *ccb_results_to_json(const CcbResults *results)
{
    static const char *const statuses[] = {[CCB_PASS] = "pass",
                                           [CCB_FAIL] = "fail",
                                           [CCB_NOT_APPLICABLE] = "not-applicable",
                                           [CCB_UNREADABLE] = "unreadable"};
    json_t *checks = json_array(), *notes = json_array();
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = results->rows->pdata[i];
        g_autofree char *detail = ccb_results_printable(row->detail);
        const char *severity = row->severity == CCB_SEVERITY_WARNING ? "warning" : "error";
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", row->id, "status",
                                 statuses[row->status], "severity", severity, "detail", detail,
                                 "why", row->why, "remedy", row->remedy);
        if (ccb_results_row_is_waived(row))
            json_object_set_new(json, "waiver", json_string(row->waiver));
        json_array_append_new(checks, json);
    }
    for (guint i = 0; i < results->notes->len; i++)
        json_array_append_new(notes, json_string(results->notes->pdata[i]));
    return json_pack("{s:b, s:{s:i, s:i, s:i, s:i, s:i, s:i}, s:o, s:o}", "good",
                     ccb_results_is_good(results), "counts", "passed", (int)results->passed,
                     "failed", (int)results->failed, "warnings", (int)results->warned, "waived",
                     (int)results->waived, "unreadable", (int)results->unreadable, "not_applicable",
                     (int)results->not_applicable, "notes", notes, "checks", checks);
}
