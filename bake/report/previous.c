/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image compared with the previous release, by the manifests of both. */
#include "report/report-parts.h"

static const struct {
    const char *member, *title;
} lists[] = {
    {"facts", "Image"},       {"checks", "Results of checks"},
    {"packages", "Packages"}, {"payloads", "Payloads"},
    {"steps", "Steps"},       {"files", "Files put into the image"},
};

void ccb_page_previous(GString *out, const CcbPage *page)
{
    const json_t *previous = page->previous;
    bool differs = false;
    ccb_html(out, "<p>Compared with <code>%s</code>", ccb_json_text(previous, "name"));
    if (ccb_json_text(previous, "baked") != NULL)
        ccb_html(out, ", baked %s", ccb_json_text(previous, "baked"));
    ccb_html(out, ".");
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const json_t *list = json_object_get(previous, lists[i].member);
        differs |= json_array_size(list) > 0;
        if (list == NULL)
            ccb_html(out, " Not compared, because one of the manifests lacks it: %s.",
                     lists[i].title);
    }
    ccb_html(out, "%s</p>\n", differs ? "" : " Nothing that was compared differs.");
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        ccb_page_items(out, lists[i].title, json_object_get(previous, lists[i].member));
}
