/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/text.h"
#include "systemd/unitplot.h"

GPtrArray *ccb_unitplot_sort(const CcbUnitPlot *plot, guint *ret_cyclic)
{
    GPtrArray *sorted = g_ptr_array_new();
    /* How many relations of order each unit still waits for, by index. */
    g_autofree guint *waiting = g_new0(guint, plot->units->len + 1);
    g_autofree bool *done = g_new0(bool, plot->units->len + 1);
    for (guint i = 0; i < plot->relations->len; i++) {
        const CcbPlotRelation *relation = plot->relations->pdata[i];
        waiting[relation->to->index] += relation->kind == CCB_PLOT_ORDER;
    }
    for (guint i = 0; i < plot->units->len;) {
        if (done[i] || waiting[i] > 0) {
            i++;
            continue;
        }
        done[i] = true;
        g_ptr_array_add(sorted, plot->units->pdata[i]);
        for (guint k = 0; k < plot->relations->len; k++) {
            const CcbPlotRelation *relation = plot->relations->pdata[k];
            if (relation->kind == CCB_PLOT_ORDER && relation->from->index == i)
                waiting[relation->to->index]--;
        }
        i = 0; /* the first by name of those that may come next */
    }
    *ret_cyclic = sorted->len;
    for (guint i = 0; i < plot->units->len; i++)
        if (!done[i])
            g_ptr_array_add(sorted, plot->units->pdata[i]);
    return sorted;
}

static gint compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **ccb_unitplot_order(const CcbUnitPlot *plot)
{
    GPtrArray *lines = g_ptr_array_new();
    for (guint i = 0; i < plot->relations->len; i++) {
        const CcbPlotRelation *relation = plot->relations->pdata[i];
        if (relation->kind == CCB_PLOT_ORDER)
            g_ptr_array_add(lines,
                            g_strdup_printf("%s ► %s", relation->from->name, relation->to->name));
    }
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

static const char *state_of(const CcbPlotUnit *unit)
{
    return !unit->present ? " (not installed)" : unit->started ? "" : " (not started)";
}

char *ccb_unitplot_to_text(const CcbUnitPlot *plot)
{
    GString *out = g_string_new(NULL);
    guint cyclic;
    g_autoptr(GPtrArray) sorted = ccb_unitplot_sort(plot, &cyclic);
    if (sorted->len == 0) {
        g_autofree char *about = g_strjoinv(" or ", plot->about);
        g_string_append_printf(out, "nothing here knows %s\n", about);
    }
    for (guint i = 0; i < sorted->len; i++) {
        const CcbPlotUnit *unit = sorted->pdata[i];
        /* Names of units are harmless, but one that is expected may be any name of a directory. */
        g_autofree char *name = ccb_name_printable(unit->name);
        g_string_append_printf(out, "%4u  %s%s%s\n", i + 1, name, state_of(unit),
                               i < cyclic ? "" : " (held back by an ordering cycle)");
        for (guint k = 0; k < plot->relations->len; k++) {
            const CcbPlotRelation *relation = plot->relations->pdata[k];
            if (relation->to != unit)
                continue;
            const char *how = relation->kind == CCB_PLOT_ORDER ? "after" : "started by";
            g_autofree char *from = ccb_name_printable(relation->from->name);
            for (guint n = 0; n < relation->reasons->len; n++) {
                g_autofree char *reason = ccb_name_printable(relation->reasons->pdata[n]);
                g_string_append_printf(out, "      %s %s: %s\n", how, from, reason);
            }
        }
    }
    return g_string_free(out, FALSE);
}

/* Inside a string of DOT: a backslash before a letter would be an escape of a label. */
static void append_escaped(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
}

static void append_quoted(GString *out, const char *text)
{
    g_autofree char *printable = ccb_name_printable(text);
    g_string_append_c(out, '"');
    append_escaped(out, printable);
    g_string_append_c(out, '"');
}

char *ccb_unitplot_to_dot(const CcbUnitPlot *plot)
{
    GString *out = g_string_new("digraph boot {\n"
                                "  // solid: starts before; dashed: starts it\n"
                                "  node [shape=box, fontname=\"sans-serif\", fontsize=11];\n"
                                "  edge [fontname=\"sans-serif\", fontsize=8];\n");
    for (guint i = 0; i < plot->units->len; i++) {
        const CcbPlotUnit *unit = plot->units->pdata[i];
        g_string_append(out, "  ");
        append_quoted(out, unit->name);
        if (g_strv_contains((const char *const *)plot->about, unit->name))
            g_string_append(out, " [style=filled, fillcolor=\"#d8eec0\"]");
        else if (strcmp(unit->name, plot->target) == 0)
            g_string_append(out, " [style=filled, fillcolor=\"#dce6f2\"]");
        else if (!unit->present || !unit->started)
            g_string_append_printf(out, " [style=dashed, tooltip=\"%s\"]", state_of(unit) + 1);
        g_string_append(out, ";\n");
    }
    for (guint i = 0; i < plot->relations->len; i++) {
        const CcbPlotRelation *relation = plot->relations->pdata[i];
        g_string_append(out, "  ");
        append_quoted(out, relation->from->name);
        g_string_append(out, " -> ");
        append_quoted(out, relation->to->name);
        /* In the whole graph the reasons would hide everything else: they show when the mouse is there. */
        g_string_append(out, plot->whole ? " [edgetooltip=\"" : " [label=\"");
        for (guint n = 0; n < relation->reasons->len; n++) {
            /* One below the other, and what a file says below its name. */
            g_autofree char *printable = ccb_name_printable(relation->reasons->pdata[n]);
            g_auto(GStrv) parts = g_strsplit(printable, ": ", 2);
            for (char **part = parts; *part != NULL; part++) {
                append_escaped(out, *part);
                g_string_append(out, "\\n");
            }
        }
        bool pull = relation->kind == CCB_PLOT_PULL;
        g_string_append(out, pull ? "\", style=dashed, constraint=false];\n" : "\"];\n");
    }
    g_string_append(out, "}\n");
    return g_string_free(out, FALSE);
}
