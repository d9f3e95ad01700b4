/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verdict does not cover: checks that did not apply, and what no check of an image can see. */
#include <string.h>

#include "report/report-parts.h"

/* The rows of a status, "" for waived ones, as a list to unfold. */
static void append_rows(GString *out, const json_t *rows, const char *status, const char *title,
                        const char *reason)
{
    size_t i;
    const json_t *row;
    guint n = 0;
    g_autoptr(GString) list = g_string_new(NULL);
    json_array_foreach(rows, i, row)
    {
        bool waived = json_object_get(row, "waiver") != NULL;
        const char *own = waived ? "" : ccb_json_text(row, "status");
        if (g_strcmp0(own, status) != 0)
            continue;
        ccb_html(list, "<li><code>%s</code> <small>%s</small></li>\n", ccb_json_text(row, "id"),
                 ccb_json_text(row, reason));
        n++;
    }
    if (n > 0)
        ccb_html(out, "<details><summary><b>%s</b> <span class=\"tally\">%u</span></summary>\n",
                 title, n);
    if (n > 0)
        g_string_append_printf(out, "<ul class=\"changes\">\n%s</ul></details>\n", list->str);
}

void ccb_page_unseen(GString *out, const CcbPage *page)
{
    static const char *const never[] = {
        "What a running GPU shows: whether the driver loads, confidential mode is on, and "
        "attestation "
        "succeeds. `ccbake-selftest` tests that on the instance.",
        "Whether the image boots: `ccbake boot` tries it, without a GPU.",
        "Whether the cloud imports it and starts an instance of it: `ccbake preflight` compares it "
        "with the "
        "cloud's rules.",
        "What services and commands do when they run, other than the units and settings that "
        "checks name.",
        "Files that no check names: they are as in the base, or as the steps left them. Changes "
        "has "
        "what differs.",
        "Known vulnerabilities of packages and programs, and their licences.",
        "Secrets of forms that ccbake does not know, or elsewhere than `hygiene.secrets` says.",
    };
    const json_t *rows = json_object_get(page->checks, "checks");
    const char *recipe = ccb_json_text(json_object_get(page->manifest, "recipe"), "name");
    if (page->checks == NULL) {
        ccb_html(out, "<p>No check was run.</p>\n");
    } else {
        guint none =
            (guint)ccb_json_count(json_object_get(page->checks, "counts"), "not_applicable");
        ccb_html(out, "<p>The verdict is that of %u checks", (guint)json_array_size(rows) - none);
        if (recipe != NULL)
            ccb_html(out, " by what the recipe <code>%s</code> expects", recipe);
        ccb_html(out, ", on the image at rest. It does not cover:</p>\n");
    }
    ccb_html(out, "<ul>\n");
    for (size_t i = 0; i < G_N_ELEMENTS(never); i++) {
        ccb_html(out, "<li>");
        ccb_page_remark(out, never[i]);
        ccb_html(out, "</li>\n");
    }
    ccb_html(out, "</ul>\n");
    append_rows(out, rows, "unreadable", "Checks that could not read what they look at", "detail");
    append_rows(out, rows, "", "Checks that the recipe waives", "waiver");
    append_rows(out, rows, "not-applicable", "Checks that did not apply", "detail");
}
