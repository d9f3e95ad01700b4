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
    CcbResults *report = g_new0(CcbResults, 1);
    report->rows = g_ptr_array_new_with_free_func(row_free);
    report->notes = g_ptr_array_new_with_free_func(g_free);
    return report;
}

void ccb_results_free(CcbResults *report)
{
    if (report == NULL)
        return;
    g_ptr_array_unref(report->rows);
    g_ptr_array_unref(report->notes);
    g_free(report);
}

bool ccb_results_row_is_waived(const CcbResultRow *row)
{
    return row->waiver != NULL && (row->status == CCB_FAIL || row->status == CCB_UNREADABLE);
}

static unsigned *counter(CcbResults *report, const CcbResultRow *row)
{
    if (ccb_results_row_is_waived(row))
        return &report->waived;
    switch (row->status) {
    case CCB_PASS:
        return &report->passed;
    case CCB_NOT_APPLICABLE:
        return &report->not_applicable;
    case CCB_FAIL:
        return row->severity == CCB_SEVERITY_WARNING ? &report->warned : &report->failed;
    case CCB_UNREADABLE:
        break;
    }
    return &report->unreadable;
}

void ccb_results_add(CcbResults *report, const CcbResultRow *row)
{
    CcbResultRow *copy = g_memdup2(row, sizeof(*row));
    copy->detail = g_strdup(row->detail != NULL ? row->detail : "");
    copy->waiver = g_strdup(row->waiver);
    g_ptr_array_add(report->rows, copy);
    if (row->waiver != NULL && !ccb_results_row_is_waived(row))
        g_ptr_array_add(report->notes,
                        g_strdup_printf("waiver not needed: %s %s", row->id,
                                        row->status == CCB_PASS ? "passes" : "does not apply"));
    ++*counter(report, copy);
}

bool ccb_results_row_is_bad(const CcbResults *report, const CcbResultRow *row)
{
    bool counts = row->severity == CCB_SEVERITY_ERROR || report->strict;
    return !ccb_results_row_is_waived(row) &&
           (row->status == CCB_UNREADABLE || (row->status == CCB_FAIL && counts));
}

bool ccb_results_is_good(const CcbResults *report)
{
    return report->failed == 0 && report->unreadable == 0 &&
           (!report->strict || report->warned == 0);
}

bool ccb_results_verdict(const CcbResults *report, GError **error)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    for (guint i = 0; i < report->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(report->rows, i);
        if (ccb_results_row_is_bad(report, row))
            g_string_append_printf(ids, "%s%s", ids->len > 0 ? ", " : "", row->id);
    }
    if (ids->len == 0)
        return true;
    return ccb_fail(error, CCB_ERR_CHECK, "the image is not right: %s", ids->str);
}

static const char *status_name(const CcbResultRow *row)
{
    if (ccb_results_row_is_waived(row))
        return "WAIVED";
    switch (row->status) {
    case CCB_PASS:
        return "PASS";
    case CCB_NOT_APPLICABLE:
        return "N/A ";
    case CCB_FAIL:
        return row->severity == CCB_SEVERITY_WARNING ? "WARN" : "FAIL";
    case CCB_UNREADABLE:
        break;
    }
    return "ERR ";
}

static int id_width(const CcbResults *report)
{
    size_t width = 0;
    for (guint i = 0; i < report->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(report->rows, i);
        width = MAX(width, strlen(row->id));
    }
    return (int)width;
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
    g_autofree char *detail = ccb_results_printable(row->detail);
    g_string_append_printf(text, "%s %-*s  %s\n", status_name(row), width, row->id, detail);
    if (ccb_results_row_is_waived(row)) {
        g_autofree char *reason = ccb_results_printable(row->waiver);
        g_string_append_printf(text, "     waived: %s\n", reason);
        return;
    }
    if (row->status != CCB_FAIL && row->status != CCB_UNREADABLE)
        return;
    g_string_append_printf(text, "     why: %s\n     remedy: %s\n", row->why, row->remedy);
}

char *ccb_results_to_text(const CcbResults *report)
{
    GString *text = g_string_new(NULL);
    int width = id_width(report);
    for (guint i = 0; i < report->notes->len; i++)
        g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(report->notes, i));
    for (guint i = 0; i < report->rows->len; i++)
        append_row(text, g_ptr_array_index(report->rows, i), width);
    g_string_append_printf(
        text, "%u passed, %u failed, %u warnings, %u waived, %u unreadable, %u not applicable\n",
        report->passed, report->failed, report->warned, report->waived, report->unreadable,
        report->not_applicable);
    return g_string_free(text, FALSE);
}

static const char *json_status(const CcbResultRow *row)
{
    switch (row->status) {
    case CCB_PASS:
        return "pass";
    case CCB_FAIL:
        return "fail";
    case CCB_NOT_APPLICABLE:
        return "not-applicable";
    case CCB_UNREADABLE:
        break;
    }
    return "unreadable";
}

static json_t *row_to_json(const CcbResultRow *row)
{
    g_autofree char *detail = ccb_results_printable(row->detail);
    const char *severity = row->severity == CCB_SEVERITY_WARNING ? "warning" : "error";
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", row->id, "status", json_status(row),
                  "severity", severity, "detail", detail, "why", row->why, "remedy", row->remedy);
    if (ccb_results_row_is_waived(row))
        json_object_set_new(json, "waiver", json_string(row->waiver));
    return json;
}

static json_t *notes_to_json(const CcbResults *report)
{
    json_t *notes = json_array();
    for (guint i = 0; i < report->notes->len; i++)
        json_array_append_new(notes, json_string(g_ptr_array_index(report->notes, i)));
    return notes;
}

json_t *ccb_results_to_json(const CcbResults *report)
{
    json_t *checks = json_array();
    for (guint i = 0; i < report->rows->len; i++)
        json_array_append_new(checks, row_to_json(g_ptr_array_index(report->rows, i)));
    return json_pack("{s:b, s:{s:i, s:i, s:i, s:i, s:i, s:i}, s:o, s:o}", "good",
                     ccb_results_is_good(report), "counts", "passed", (int)report->passed, "failed",
                     (int)report->failed, "warnings", (int)report->warned, "waived",
                     (int)report->waived, "unreadable", (int)report->unreadable, "not_applicable",
                     (int)report->not_applicable, "notes", notes_to_json(report), "checks", checks);
}
