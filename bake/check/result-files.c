/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The renderings that CI systems read. */
#include "check/result.h"

/* --- TAP: https://testanything.org/tap-version-13-specification.html */

/* JSON's strings are YAML's double-quoted ones. */
static void append_yaml(GString *text, const char *key, const char *value)
{
    g_autofree char *plain = ccb_results_printable(value);
    json_auto_t *string = json_string(plain);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    g_string_append_printf(text, "  %s: %s\n", key, quoted);
    free(quoted);
}

static void append_diagnostics(GString *text, const CcbResultRow *row)
{
    g_string_append(text, "  ---\n");
    append_yaml(text, "message", row->detail);
    append_yaml(text, "severity",
                row->status == CCB_UNREADABLE           ? "unreadable"
                : row->severity == CCB_SEVERITY_WARNING ? "warning"
                                                        : "error");
    append_yaml(text, "why", row->why);
    append_yaml(text, "remedy", row->remedy);
    g_string_append(text, "  ...\n");
}

/* " # SKIP ..." and " # TODO ...", of which the latter makes "not ok" no failure. */
static void append_directive(GString *text, const CcbResults *results, const CcbResultRow *row)
{
    g_autofree char *detail = ccb_results_printable(row->detail);
    g_autofree char *waiver = row->waiver != NULL ? ccb_results_printable(row->waiver) : NULL;
    if (row->status == CCB_NOT_APPLICABLE)
        g_string_append_printf(text, " # SKIP %s", detail);
    else if (ccb_results_row_is_waived(row))
        g_string_append_printf(text, " # TODO waived: %s", waiver);
    else if (row->status == CCB_FAIL && !ccb_results_row_is_bad(results, row))
        g_string_append(text, " # TODO warning");
}

char *ccb_results_to_tap(const CcbResults *results)
{
    GString *text = g_string_new("TAP version 13\n");
    g_string_append_printf(text, "1..%u\n", results->rows->len);
    for (guint i = 0; i < results->notes->len; i++) {
        g_autofree char *note = ccb_results_printable(results->notes->pdata[i]);
        g_string_append_printf(text, "# %s\n", note);
    }
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = results->rows->pdata[i];
        bool passed = row->status == CCB_PASS || row->status == CCB_NOT_APPLICABLE;
        g_string_append_printf(text, "%sok %u - %s", passed ? "" : "not ", i + 1, row->id);
        append_directive(text, results, row);
        g_string_append_c(text, '\n');
        if (!passed)
            append_diagnostics(text, row);
    }
    return g_string_free(text, FALSE);
}

/* --- JUnit */

static char *xml(const char *text)
{
    g_autofree char *plain = ccb_results_printable(text);
    return g_markup_escape_text(plain, -1);
}

static void append_outcome(GString *text, const CcbResults *results, const CcbResultRow *row)
{
    g_autofree char *detail = xml(row->detail);
    g_autofree char *why = xml(row->why);
    g_autofree char *remedy = xml(row->remedy);
    g_autofree char *waiver = xml(row->waiver != NULL ? row->waiver : "");
    if (row->status == CCB_NOT_APPLICABLE)
        g_string_append_printf(text, "      <skipped message=\"%s\"/>\n", detail);
    else if (ccb_results_row_is_waived(row))
        g_string_append_printf(text, "      <skipped message=\"waived: %s: %s\"/>\n", waiver,
                               detail);
    else if (ccb_results_row_is_bad(results, row)) {
        const char *tag = row->status == CCB_UNREADABLE ? "error" : "failure";
        const char *type = row->severity == CCB_SEVERITY_WARNING ? "warning" : "error";
        g_string_append_printf(
            text, "      <%s type=\"%s\" message=\"%s\">why: %s\nremedy: %s</%s>\n", tag,
            row->status == CCB_UNREADABLE ? "unreadable" : type, detail, why, remedy, tag);
    } else
        g_string_append_printf(text, "      <system-out>%s%s</system-out>\n",
                               row->status == CCB_FAIL ? "warning: " : "", detail);
}

char *ccb_results_to_junit(const CcbResults *results, const char *subject)
{
    g_autofree char *name = xml(subject);
    unsigned failures = results->failed + (results->strict ? results->warned : 0);
    g_autofree char *counts = g_strdup_printf(
        "tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\"", results->rows->len, failures,
        results->unreadable, results->not_applicable + results->waived);
    GString *text = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    g_string_append_printf(text,
                           "<testsuites name=\"ccbake verify\" %s>\n"
                           "  <testsuite name=\"%s\" %s>\n",
                           counts, name, counts);
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = results->rows->pdata[i];
        g_autofree char *family = g_strndup(row->id, strcspn(row->id, "."));
        g_string_append_printf(text,
                               "    <testcase classname=\"ccbake.%s\" name=\"%s\" time=\"0\">\n",
                               family, row->id);
        append_outcome(text, results, row);
        g_string_append(text, "    </testcase>\n");
    }
    for (guint i = 0; i < results->notes->len; i++) {
        g_autofree char *note = xml(results->notes->pdata[i]);
        g_string_append_printf(text, "    <system-out>%s</system-out>\n", note);
    }
    g_string_append(text, "  </testsuite>\n</testsuites>\n");
    return g_string_free(text, FALSE);
}
