/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/result.h"

#include <string.h>

#include "base/error.h"
#include "base/leak.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "base/text.h"

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

/* The kinds of rows, in the order of the text: what needs an answer comes last, where a terminal shows it. */
typedef enum { PASSED, NOT_APPLICABLE, WAIVED, WARNED, UNREADABLE, FAILED, KINDS } Kind;

static const struct {
    const char *name;
    CcbColor color; /* 0: none */
} kinds[KINDS] = {
    [PASSED] = {"PASS", CCB_GREEN},  [NOT_APPLICABLE] = {"N/A ", 0},   [WAIVED] = {"WAIVED", 0},
    [WARNED] = {"WARN", CCB_YELLOW}, [UNREADABLE] = {"ERR ", CCB_RED}, [FAILED] = {"FAIL", CCB_RED},
};

static Kind kind_of(const CcbResultRow *row)
{
    if (ccb_results_row_is_waived(row))
        return WAIVED;
    switch (row->status) {
    case CCB_PASS:
        return PASSED;
    case CCB_NOT_APPLICABLE:
        return NOT_APPLICABLE;
    case CCB_FAIL:
        return row->severity == CCB_SEVERITY_WARNING ? WARNED : FAILED;
    case CCB_UNREADABLE:
        break;
    }
    return UNREADABLE;
}

void ccb_results_add(CcbResults *results, const CcbResultRow *row)
{
    CcbResultRow *copy = g_memdup2(row, sizeof(*row));
    copy->id = g_intern_string(row->id);
    copy->why = g_intern_string(row->why);
    copy->remedy = g_intern_string(row->remedy);
    copy->detail = ccb_leaks_mask(row->detail != NULL ? row->detail : "");
    copy->waiver = g_strdup(row->waiver);
    g_ptr_array_add(results->rows, copy);
    if (row->waiver != NULL && !ccb_results_row_is_waived(row))
        g_ptr_array_add(results->notes,
                        g_strdup_printf("waiver not needed: %s %s", row->id,
                                        row->status == CCB_PASS ? "passes" : "does not apply"));
    unsigned *const counts[KINDS] = {
        [PASSED] = &results->passed,         [NOT_APPLICABLE] = &results->not_applicable,
        [WAIVED] = &results->waived,         [WARNED] = &results->warned,
        [UNREADABLE] = &results->unreadable, [FAILED] = &results->failed,
    };
    ++*counts[kind_of(copy)];
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

char *ccb_results_printable(const char *text)
{
    g_autofree char *line = g_strdup(text);
    return ccb_name_printable(g_strdelimit(line, "\n\t", ' '));
}

static void append_row(GString *text, const CcbResultRow *row, int width, bool color)
{
    Kind kind = kind_of(row);
    g_autofree char *name =
        ccb_colored(kinds[kind].name, kinds[kind].color, color && kinds[kind].color != 0);
    g_autofree char *detail = ccb_results_printable(row->detail);
    g_string_append_printf(text, "%s %-*s  %s\n", name, width, row->id, detail);
    if (kind == WAIVED) {
        g_autofree char *reason = ccb_results_printable(row->waiver);
        g_string_append_printf(text, "     waived: %s\n", reason);
    } else if (kind >= WARNED) {
        g_autofree char *why = ccb_results_printable(row->why);
        g_autofree char *remedy = ccb_results_printable(row->remedy);
        g_string_append_printf(text, "     why: %s\n     remedy: %s\n", why, remedy);
    }
}

char *ccb_results_bad_to_text(const CcbResults *results, bool color)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < results->rows->len; i++)
        if (ccb_results_row_is_bad(results, results->rows->pdata[i]))
            append_row(text, results->rows->pdata[i], 0, color);
    return g_string_free(text, FALSE);
}

static void append_counts(GString *text, const CcbResults *results)
{
    const struct {
        unsigned count;
        const char *what;
    } others[] = {{results->unreadable, "unreadable"},
                  {results->warned, ccb_plural(results->warned, "warning", "warnings")},
                  {results->waived, "waived"},
                  {results->not_applicable, "not applicable"}};
    g_string_append_printf(text, "%u passed, %u failed", results->passed, results->failed);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (others[i].count > 0)
            g_string_append_printf(text, ", %u %s", others[i].count, others[i].what);
    g_string_append_c(text, '\n');
}

char *ccb_results_to_text(const CcbResults *results, bool quiet, bool color)
{
    GString *text = g_string_new(NULL);
    size_t width = 0;
    Kind first = quiet ? WARNED : PASSED;
    for (guint i = 0; !quiet && i < results->notes->len; i++) {
        g_autofree char *note = ccb_results_printable(results->notes->pdata[i]);
        g_string_append_printf(text, "%s\n", note);
    }
    for (guint i = 0; i < results->rows->len; i++)
        if (kind_of(results->rows->pdata[i]) >= first)
            width = MAX(width, strlen(((CcbResultRow *)results->rows->pdata[i])->id));
    for (Kind kind = first; kind < KINDS; kind++)
        for (guint i = 0; i < results->rows->len; i++)
            if (kind_of(results->rows->pdata[i]) == kind)
                append_row(text, results->rows->pdata[i], (int)width, color);
    if (!quiet || !ccb_results_is_good(results))
        append_counts(text, results);
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
