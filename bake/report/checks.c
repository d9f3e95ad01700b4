/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First the checks that did not pass, with reason and remedy; then all of them, by family. */
#include <string.h>

#include "report/report-parts.h"

typedef struct {
    const char *name;  /* class of the style sheet */
    const char *sign;  /* so that colour is never the only difference */
    const char *label; /* for people */
} Status;

static const Status *status_of(const json_t *row)
{
    static const Status pass = {"pass", "✓", "pass"}, fail = {"fail", "✗", "fail"},
                        warning = {"warn", "!", "warning"}, waived = {"warn", "◇", "waived"},
                        none = {"none", "–", "not applicable"},
                        unreadable = {"fail", "?", "unreadable"};
    const char *status = ccb_json_text(row, "status");
    if (json_object_get(row, "waiver") != NULL)
        return &waived;
    if (g_strcmp0(status, "pass") == 0)
        return &pass;
    if (g_strcmp0(status, "not-applicable") == 0)
        return &none;
    if (g_strcmp0(status, "fail") != 0)
        return &unreadable;
    return g_strcmp0(ccb_json_text(row, "severity"), "warning") == 0 ? &warning : &fail;
}

static void append_sign(GString *out, const Status *status)
{
    ccb_html(out, "<span class=\"sign %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
             status->name, status->sign, status->label);
}

/* The rows that have this status. */
static void append_problems(GString *out, const json_t *rows, const char *name)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        const Status *status = status_of(row);
        const char *waiver = ccb_json_text(row, "waiver");
        if (strcmp(status->name, name) != 0)
            continue;
        ccb_html(out, "<article class=\"problem %s\">\n<h3>", status->name);
        append_sign(out, status);
        ccb_html(out, " <code>%s</code></h3>\n<p class=\"found\">%s</p>\n",
                 ccb_json_text(row, "id"), ccb_json_text(row, "detail"));
        if (waiver != NULL)
            ccb_html(out, "<p><b>The recipe waives it:</b> %s</p>\n", waiver);
        ccb_html(out, "<p><b>Why it matters:</b> %s</p>\n<p><b>Remedy:</b> %s</p>\n</article>\n",
                 ccb_json_text(row, "why"), ccb_json_text(row, "remedy"));
    }
}

/* "9 pass, 1 not applicable": of the rows [begin, end), in the order in which they come. */
static void append_summary(GString *out, const json_t *rows, size_t begin, size_t end)
{
    g_autoptr(GPtrArray) seen = g_ptr_array_new();
    g_autoptr(GHashTable) counts = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (size_t i = begin; i < end; i++) {
        gpointer status = (gpointer)status_of(json_array_get(rows, i));
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, status));
        if (n == 0)
            g_ptr_array_add(seen, status);
        g_hash_table_insert(counts, status, GUINT_TO_POINTER(n + 1));
    }
    for (guint i = 0; i < seen->len; i++) {
        const Status *status = seen->pdata[i];
        ccb_html(out, "%s<span class=\"%s\"><span aria-hidden=\"true\">%s</span> %u %s</span>",
                 i > 0 ? ", " : "", status->name, status->sign,
                 GPOINTER_TO_UINT(g_hash_table_lookup(counts, status)), status->label);
    }
}

/* "driver" of "driver.version"; caller frees. */
static char *family_of(const json_t *row)
{
    const char *id = ccb_json_text(row, "id");
    return id != NULL ? g_strndup(id, strcspn(id, ".")) : g_strdup("");
}

/* Appends the rows of one family from `begin` on; returns where the next family begins. */
static size_t append_family(GString *out, const json_t *rows, size_t begin)
{
    g_autofree char *name = family_of(json_array_get(rows, begin));
    g_autofree char *caption = g_strdup_printf("Checks of %s", name);
    size_t end = begin + 1;
    for (; end < json_array_size(rows); end++) {
        g_autofree char *other = family_of(json_array_get(rows, end));
        if (strcmp(name, other) != 0)
            break;
    }
    ccb_html(out, "<details><summary><b>%s</b> <span class=\"tally\">", name);
    append_summary(out, rows, begin, end);
    ccb_html(out, "</span></summary>\n");
    ccb_html_table(out, "checks", caption, "Result", "Check", "Found", NULL);
    for (size_t i = begin; i < end; i++) {
        const json_t *row = json_array_get(rows, i);
        ccb_html(out, "<tr><td>");
        append_sign(out, status_of(row));
        ccb_html(out,
                 "</td><th scope=\"row\"><code>%s</code><small>%s</small></th>"
                 "<td class=\"found\">%s</td></tr>\n",
                 ccb_json_text(row, "id"), ccb_json_text(row, "why"), ccb_json_text(row, "detail"));
    }
    ccb_html_table_end(out);
    ccb_html(out, "</details>\n");
    return end;
}

void ccb_page_checks(GString *out, const CcbPage *page)
{
    size_t i;
    const json_t *note;
    const json_t *rows = json_object_get(page->checks, "checks");
    const json_t *notes = json_object_get(page->checks, "notes");
    if (page->checks == NULL) {
        ccb_html(out, "<p>The image was baked with <code>--no-verify</code>. "
                      "<code>ccbake report</code> checks it.</p>\n");
        return;
    }
    append_problems(out, rows, "fail");
    append_problems(out, rows, "warn");
    if (json_array_size(notes) > 0) { /* what was assumed */
        ccb_html(out, "<ul class=\"aside\">\n");
        json_array_foreach(notes, i, note) ccb_html(out, "<li>%s</li>\n", json_string_value(note));
        ccb_html(out, "</ul>\n");
    }
    for (size_t begin = 0; begin < json_array_size(rows);)
        begin = append_family(out, rows, begin);
}
