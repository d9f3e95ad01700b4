/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bake did, when, and how long it took. */
#include "base/human.h"
#include "report/report-parts.h"

typedef struct {
    GString *out;
    double at, all; /* seconds */
} Clock;

/* `seconds` 0 with `cached`: no time went by. */
static void append_row(Clock *c, const char *id, const char *what, double seconds, bool cached)
{
    ccb_html(c->out, "<tr><th scope=\"row\"><code>%s</code><small>%s</small></th><td>", id, what);
    if (cached)
        g_string_append(c->out, "</td><td class=\"number\">cached</td></tr>\n");
    else {
        g_autofree char *took = ccb_format_seconds(seconds);
        ccb_page_bar(c->out, c->at, seconds, c->all);
        ccb_html(c->out, "</td><td class=\"number\">%s</td></tr>\n", took);
    }
    c->at += seconds;
}

static double seconds_of(const json_t *json, const char *member)
{
    return json_number_value(json_object_get(json, member));
}

/* All that has a row, so that the bars fill the line. */
static double sum(const json_t *steps, const json_t *seconds)
{
    size_t i;
    const json_t *step;
    double all = seconds_of(seconds, "emit") + seconds_of(seconds, "verify");
    json_array_foreach(steps, i, step) all += seconds_of(step, "seconds");
    return all;
}

static void append_table(GString *out, const json_t *steps, const json_t *seconds)
{
    size_t i;
    const json_t *step;
    Clock c = {.out = out, .all = sum(steps, seconds)};
    g_autofree char *all = ccb_format_seconds(c.all);
    ccb_html(out, "<table class=\"bars\"><caption>Time line: %s from left to right</caption>\n",
             all);
    g_string_append(out, "<thead><tr>"
                         "<th scope=\"col\">Step</th><th scope=\"col\">When</th>"
                         "<th scope=\"col\" class=\"number\">Took</th></tr></thead>\n<tbody>\n");
    json_array_foreach(steps, i, step)
        append_row(&c, ccb_json_text(step, "id"), ccb_json_text(step, "what"),
                   seconds_of(step, "seconds"), json_is_true(json_object_get(step, "cached")));
    if (seconds_of(seconds, "emit") > 0)
        append_row(&c, "emit", "write the image from the layers", seconds_of(seconds, "emit"),
                   false);
    if (seconds_of(seconds, "verify") > 0)
        append_row(&c, "verify", "check the image, read-only", seconds_of(seconds, "verify"),
                   false);
    g_string_append(out, "</tbody></table>\n");
}

static guint count_cached(const json_t *steps)
{
    size_t i;
    const json_t *step;
    guint n = 0;
    json_array_foreach(steps, i, step) n += json_is_true(json_object_get(step, "cached"));
    return n;
}

void ccb_page_steps(GString *out, const CcbPage *page)
{
    const json_t *steps = json_object_get(page->manifest, "steps");
    const char *backend = ccb_json_text(page->manifest, "backend");
    if (json_array_size(steps) == 0) {
        g_string_append(out, "<p>No manifest tells how this image was made.</p>\n");
        return;
    }
    guint n = (guint)json_array_size(steps), cached = count_cached(steps);
    ccb_html(out, "<p>%u step%s: %u baked", n, n == 1 ? "" : "s", n - cached);
    if (backend != NULL && cached < n)
        ccb_html(out, " through the backend <code>%s</code>", backend);
    ccb_html(out, ", %u taken from the cache of layers.</p>\n", cached);
    append_table(out, steps, json_object_get(page->manifest, "seconds"));
}
