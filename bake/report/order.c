/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of the boot: units from top to bottom, each above all units that start after it.  On the
 * left a line leads from a unit down, and turns right to every unit that waits for it, so that one
 * line for each unit is enough.  Drawn here and not by Graphviz: a bake needs no other program, the
 * text keeps its size whatever that of the picture, and colours follow those of the page.
 */
#include <string.h>

#include "base/text.h"
#include "guide/gpu-units.h"
#include "report/report-parts.h"

/* Pixels. */
enum {
    HEIGHT = 40, /* of a row */
    LANE = 16,
    MARGIN = 8,
    DOT = 6, /* radius */
    APART = 4,
    GAP = 14,
    CHARACTER = 8, /* no wider in a monospaced font of 13 px */
    ARROW = 6,
    CORNER = 6
};

enum { MOST_UNITS = 100 };

typedef struct {
    const CcbPlotUnit *unit;
    bool is_cyclic;
    bool waits, is_waited_for;
    guint top, bottom; /* the rows that its line reaches */
    int lane;          /* of its line, counted from the dots */
} Row;

typedef struct {
    const CcbUnitPlot *plot;
    Row *rows;
    guint n;
    guint *row_of; /* by index of the unit */
    int lanes;
} Picture;

static guint row_of(const Picture *p, const CcbPlotUnit *unit)
{
    return p->row_of[unit->index];
}

/* --- where things are */

static void fill_rows(Picture *p)
{
    guint cyclic;
    g_autoptr(GPtrArray) sorted = ccb_unitplot_sort(p->plot, &cyclic);
    for (guint i = 0; i < p->n; i++) {
        p->rows[i] = (Row){
            .unit = sorted->pdata[i], .is_cyclic = i >= cyclic, .top = i, .bottom = i, .lane = -1};
        p->row_of[p->rows[i].unit->index] = i;
    }
    for (guint i = 0; i < p->plot->relations->len; i++) {
        const CcbPlotRelation *relation = p->plot->relations->pdata[i];
        if (relation->kind != CCB_PLOT_ORDER)
            continue;
        guint to = row_of(p, relation->to);
        Row *from = &p->rows[row_of(p, relation->from)];
        from->is_waited_for = p->rows[to].waits = true;
        from->top = MIN(from->top, to);
        from->bottom = MAX(from->bottom, to);
    }
}

/* Lines that reach the same rows must not cover each other. */
static bool is_free(const Picture *p, int lane, const Row *row)
{
    for (guint i = 0; i < p->n; i++) {
        const Row *other = &p->rows[i];
        if (other->lane == lane && row->top <= other->bottom && other->top <= row->bottom)
            return false;
    }
    return true;
}

/* From the bottom up, so that lines that end early get the lanes near the units. */
static void assign_lanes(Picture *p)
{
    for (guint i = p->n; i-- > 0;) {
        Row *row = &p->rows[i];
        int lane = 0;
        if (!row->is_waited_for)
            continue;
        while (!is_free(p, lane, row))
            lane++;
        row->lane = lane;
        p->lanes = MAX(p->lanes, lane + 1);
    }
}

static int dot_x(const Picture *p)
{
    return MARGIN + p->lanes * LANE + DOT;
}

static int row_y(guint row)
{
    return (int)row * HEIGHT + HEIGHT / 2;
}

/* Arriving lines and the leaving one must not look like one line. */
static int apart(const Row *row)
{
    return row->waits && row->is_waited_for ? APART : 0;
}

static const char *state_of(const Row *row)
{
    if (row->is_cyclic)
        return "✗ held back by an ordering cycle";
    if (!row->unit->present)
        return "not installed";
    return row->unit->started ? NULL : "not started by the boot";
}

static int picture_width(const Picture *p)
{
    glong longest = 0;
    for (guint i = 0; i < p->n; i++) {
        const char *state = state_of(&p->rows[i]);
        g_autofree char *name = ccb_name_printable(p->rows[i].unit->name);
        longest = MAX(longest, g_utf8_strlen(name, -1));
        longest = MAX(longest, state ? g_utf8_strlen(state, -1) : 0);
    }
    return dot_x(p) + GAP + (int)longest * CHARACTER + MARGIN;
}

/* --- drawing */

/* Out of the dot to the lane, along it, and into the other dot with an arrow. */
static void append_line(GString *out, const Picture *p, guint from, guint to)
{
    int lane = MARGIN + (p->lanes - 1 - p->rows[from].lane) * LANE;
    int x = dot_x(p), tip = x - DOT - 1;
    int y = row_y(from) + apart(&p->rows[from]), end = row_y(to) - apart(&p->rows[to]);
    int corner = end > y ? CORNER : -CORNER;
    g_string_append_printf(out,
                           "<path class=\"line\" d=\"M%d %dH%dQ%d %d %d %dV%dQ%d %d %d %dH%d\"/>",
                           x, y, lane + CORNER, lane, y, lane, y + corner, end - corner, lane, end,
                           lane + CORNER, end, tip - ARROW);
    g_string_append_printf(out, "<path class=\"arrow\" d=\"M%d %dl-%d -4v8z\"/>\n", tip, end,
                           ARROW + 1);
}

static void append_unit(GString *out, const Picture *p, guint i)
{
    const CcbPlotUnit *unit = p->rows[i].unit;
    const char *state = state_of(&p->rows[i]);
    int x = dot_x(p), y = row_y(i);
    g_string_append_printf(out, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"%d\"/>",
                           unit->started ? "started" : "waiting", x, y, DOT);
    g_string_append_printf(out, "<text x=\"%d\" y=\"%d\"%s>", x + GAP, state ? y - 1 : y + 4,
                           g_strv_contains(ccb_gpu_units, unit->name) ? " class=\"gpu\"" : "");
    ccb_html(out, "%s</text>", unit->name);
    if (state != NULL)
        g_string_append_printf(out, "<text class=\"state\" x=\"%d\" y=\"%d\">%s</text>", x + GAP,
                               y + 13, state);
    g_string_append_c(out, '\n');
}

static void append_picture(GString *out, const Picture *p)
{
    int width = picture_width(p), height = (int)p->n * HEIGHT;
    g_string_append(out, "<figure>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                         "aria-label=\"Picture of the boot order\">\n");
    g_string_append_printf(out,
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"order\" width=\"%d\" "
                           "height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
                           "aria-labelledby=\"order-name\">\n",
                           width, height, width, height);
    g_string_append(out, "<title id=\"order-name\">Units from first to last, with lines from each "
                         "to those that wait for it; the list below says the same.</title>\n");
    for (guint i = 0; i < p->plot->relations->len; i++) {
        const CcbPlotRelation *relation = p->plot->relations->pdata[i];
        if (relation->kind == CCB_PLOT_ORDER)
            append_line(out, p, row_of(p, relation->from), row_of(p, relation->to));
    }
    for (guint i = 0; i < p->n; i++)
        append_unit(out, p, i);
    g_string_append(out,
                    "</svg>\n</div>\n<figcaption>A line leads from each unit to the units that "
                    "start after it. Filled: started by the boot. Bold: a unit of the GPU."
                    "</figcaption>\n</figure>\n");
}

/* The same in words, with reasons. */
static void append_reasons(GString *out, const Picture *p)
{
    ccb_html(out,
             "<details><summary><b>Reasons</b> <span class=\"tally\">file, line and setting of "
             "each relation</span></summary>\n<ol class=\"reasons\">\n");
    for (guint row = 0; row < p->n; row++) {
        const char *state = state_of(&p->rows[row]);
        ccb_html(out, "<li><code>%s</code>%s%s<ul>\n", p->rows[row].unit->name, state ? ": " : "",
                 state);
        for (guint i = 0; i < p->plot->relations->len; i++) {
            const CcbPlotRelation *relation = p->plot->relations->pdata[i];
            if (relation->to != p->rows[row].unit)
                continue;
            for (guint k = 0; k < relation->reasons->len; k++)
                ccb_html(out, "<li>%s <code>%s</code> <small>%s</small></li>\n",
                         relation->kind == CCB_PLOT_ORDER ? "after" : "started by",
                         relation->from->name, (const char *)relation->reasons->pdata[k]);
        }
        ccb_html(out, "</ul></li>\n");
    }
    ccb_html(out, "</ol></details>\n");
}

void ccb_page_order(GString *out, const CcbPage *page)
{
    if (page->plot == NULL) {
        ccb_page_remark(out, page->no_plot);
        return;
    }
    guint n = page->plot->units->len;
    if (n == 0) {
        ccb_html(out,
                 "<p>The image has neither <code>%s</code> nor <code>%s</code>, and no unit refers "
                 "to them.</p>\n",
                 ccb_gpu_units[0], ccb_gpu_units[1]);
        return;
    }
    if (n > MOST_UNITS) {
        ccb_html(out,
                 "<p>%u units are too many for a picture; <code>ccbake graph</code> lists "
                 "them.</p>\n",
                 n);
        return;
    }
    g_autofree Row *rows = g_new0(Row, n);
    g_autofree guint *by_index = g_new0(guint, n);
    Picture p = {.plot = page->plot, .rows = rows, .n = n, .row_of = by_index};
    fill_rows(&p);
    assign_lanes(&p);
    append_picture(out, &p);
    append_reasons(out, &p);
}
