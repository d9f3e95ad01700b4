/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the bake: when each ran, and how long. */
#include "base/quantity.h"
#include "report/report-parts.h"

typedef struct {
    GString *out;
    double at, all; /* seconds */
} Clock;

/* `seconds` 0 with `cached`: no time went by. */
static void append_row(Clock *c, const char *id, const char *what, double seconds, bool cached)
{
    g_autofree char *took = ccb_format_seconds(seconds);
    ccb_html(c->out, "<tr><th scope=\"row\"><code>%s</code><small>%s</small></th><td>", id, what);
    if (!cached)
        ccb_page_bar(c->out, c->at, seconds, c->all);
    ccb_html(c->out, "</td><td class=\"number\">%s</td></tr>\n", cached ? "cached" : took);
    c->at += seconds;
}

static double seconds_of(const json_t *json, const char *member)
{
    return json_number_value(json_object_get(json, member));
}

void ccb_page_steps(GString *out, const CcbPage *page)
{
    size_t i;
    const json_t *step;
    const json_t *steps = json_object_get(page->manifest, "steps");
    const json_t *seconds = json_object_get(page->manifest, "seconds");
    const char *backend = ccb_json_text(page->manifest, "backend");
    double emit = seconds_of(seconds, "emit"), verify = seconds_of(seconds, "verify");
    guint n = (guint)json_array_size(steps), cached = 0;
    if (n == 0) {
        ccb_html(out, "<p>There is no manifest that says how this image was made.</p>\n");
        return;
    }
    Clock c = {.out = out, .all = emit + verify}; /* of all rows, so that the bars fill the line */
    json_array_foreach(steps, i, step)
    {
        c.all += seconds_of(step, "seconds");
        cached += json_is_true(json_object_get(step, "cached"));
    }
    ccb_html(out, "<p>%u %s: %u baked", n, ccb_plural(n, "step", "steps"), n - cached);
    if (backend != NULL && cached < n)
        ccb_html(out, " through the backend <code>%s</code>", backend);
    ccb_html(out, ", %u taken from the cache of layers.</p>\n", cached);
    if (g_strcmp0(backend, "host") == 0 && cached < n)
        ccb_html(out,
                 "<p>Commands of the image ran on the kernel of the host, in a sandbox, and not "
                 "in a virtual machine.</p>\n");

    g_autofree char *all = ccb_format_seconds(c.all);
    g_autofree char *caption = g_strdup_printf("Time line: %s from left to right", all);
    ccb_html_table(out, "bars", caption, "Step", "When", "#Took", NULL);
    json_array_foreach(steps, i, step)
        append_row(&c, ccb_json_text(step, "id"), ccb_json_text(step, "what"),
                   seconds_of(step, "seconds"), json_is_true(json_object_get(step, "cached")));
    if (emit > 0)
        append_row(&c, "emit", "write the image from the layers", emit, false);
    if (verify > 0)
        append_row(&c, "verify", "check the image, read-only", verify, false);
    ccb_html_table_end(out);
}
