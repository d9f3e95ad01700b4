/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not right first, with reason and remedy; then everything, by family. */
#include <string.h>

#include "report/report-parts.h"

typedef struct {
    const char *name;  /* class of the style sheet */
    const char *sign;  /* so that colour is never the only one */
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

static void append_problem(GString *out, const json_t *row, const Status *status)
{
    const char *waiver = ccb_json_text(row, "waiver");
    ccb_html(out, "<article class=\"problem %s\">\n<h3>", status->name);
    append_sign(out, status);
    ccb_html(out, " <code>%s</code></h3>\n<p class=\"found\">%s</p>\n", ccb_json_text(row, "id"),
             ccb_json_text(row, "detail"));
    if (waiver != NULL)
        ccb_html(out, "<p><b>The recipe waives it:</b> %s</p>\n", waiver);
    ccb_html(out, "<p><b>Why it matters:</b> %s</p>\n<p><b>Remedy:</b> %s</p>\n</article>\n",
             ccb_json_text(row, "why"), ccb_json_text(row, "remedy"));
}

/* What fails the image before what does not. */
static void append_problems(GString *out, const json_t *rows)
{
    static const char *const names[] = {"fail", "warn"};
    for (size_t k = 0; k < G_N_ELEMENTS(names); k++) {
        size_t i;
        const json_t *row;
        json_array_foreach(rows, i, row)
        {
            const Status *status = status_of(row);
            if (strcmp(status->name, names[k]) == 0)
                append_problem(out, row, status);
        }
    }
}

static void append_row(GString *out, const json_t *row)
{
    const Status *status = status_of(row);
    g_string_append(out, "<tr><td>");
    append_sign(out, status);
    ccb_html(out,
             "</td><th scope=\"row\"><code>%s</code><small>%s</small></th>"
             "<td class=\"found\">%s</td></tr>\n",
             ccb_json_text(row, "id"), ccb_json_text(row, "why"), ccb_json_text(row, "detail"));
}

static const char *id_of(const json_t *row)
{
    const char *id = ccb_json_text(row, "id");
    return id != NULL ? id : "";
}

static size_t family_length(const json_t *row)
{
    return strcspn(id_of(row), ".");
}

static bool same_family(const json_t *a, const json_t *b)
{
    size_t length = family_length(a);
    return length == family_length(b) && strncmp(id_of(a), id_of(b), length) == 0;
}

/* "9 pass, 1 not applicable", in the order in which they come. */
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

/* Rows [begin, end). */
static void append_family(GString *out, const json_t *rows, size_t begin, size_t end)
{
    const json_t *first = json_array_get(rows, begin);
    g_autofree char *name = g_strndup(id_of(first), family_length(first));
    ccb_html(out, "<details><summary><b>%s</b> <span class=\"tally\">", name);
    append_summary(out, rows, begin, end);
    g_string_append(out, "</span></summary>\n");
    ccb_html(out, "<table class=\"checks\"><caption class=\"heard\">Checks of %s</caption>\n",
             name);
    g_string_append(out, "<thead><tr><th scope=\"col\">Result</th><th scope=\"col\">Check</th>"
                         "<th scope=\"col\">Found</th></tr></thead>\n<tbody>\n");
    for (size_t i = begin; i < end; i++)
        append_row(out, json_array_get(rows, i));
    g_string_append(out, "</tbody></table></details>\n");
}

static void append_families(GString *out, const json_t *rows)
{
    size_t n = json_array_size(rows);
    for (size_t begin = 0, end; begin < n; begin = end) {
        end = begin + 1;
        while (end < n && same_family(json_array_get(rows, begin), json_array_get(rows, end)))
            end++;
        append_family(out, rows, begin, end);
    }
}

static void append_assumptions(GString *out, const json_t *notes)
{
    size_t i;
    const json_t *note;
    if (json_array_size(notes) == 0)
        return;
    g_string_append(out, "<ul class=\"aside\">\n");
    json_array_foreach(notes, i, note) ccb_html(out, "<li>%s</li>\n", json_string_value(note));
    g_string_append(out, "</ul>\n");
}

void ccb_page_checks(GString *out, const CcbPage *page)
{
    const json_t *rows = json_object_get(page->checks, "checks");
    if (page->checks == NULL) {
        g_string_append(out, "<p>The image was baked with <code>--no-verify</code>. "
                             "<code>ccbake report</code> checks it.</p>\n");
        return;
    }
    append_problems(out, rows);
    append_assumptions(out, json_object_get(page->checks, "notes"));
    append_families(out, rows);
}
