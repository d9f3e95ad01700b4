/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/unitplot.h"

#include <string.h>

#include "guide/gpu-units.h"

static void unit_free(gpointer data)
{
    CcbPlotUnit *unit = data;
    g_free(unit->name);
    g_free(unit);
}

static void relation_free(gpointer data)
{
    CcbPlotRelation *relation = data;
    g_ptr_array_unref(relation->reasons);
    g_free(relation);
}

static CcbUnitPlot *plot_new(const char *target, bool whole, const char *const *about)
{
    CcbUnitPlot *plot = g_new0(CcbUnitPlot, 1);
    plot->whole = whole;
    plot->target = g_strdup(target);
    plot->about = g_strdupv((char **)about);
    plot->units = g_ptr_array_new_with_free_func(unit_free);
    plot->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    plot->relations = g_ptr_array_new_with_free_func(relation_free);
    plot->by_ends = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return plot;
}

void ccb_unitplot_free(CcbUnitPlot *plot)
{
    if (plot == NULL)
        return;
    g_free(plot->target);
    g_strfreev(plot->about);
    g_ptr_array_unref(plot->units);
    g_hash_table_unref(plot->by_name);
    g_ptr_array_unref(plot->relations);
    g_hash_table_unref(plot->by_ends);
    g_free(plot);
}

static CcbPlotUnit *add_unit(CcbUnitPlot *plot, const char *name, bool present, bool started)
{
    CcbPlotUnit *unit = g_new0(CcbPlotUnit, 1);
    *unit = (CcbPlotUnit){g_strdup(name), plot->units->len, present, started};
    g_ptr_array_add(plot->units, unit);
    g_hash_table_insert(plot->by_name, unit->name, unit);
    return unit;
}

static void relate(CcbUnitPlot *plot, CcbPlotKind kind, const CcbPlotUnit *from,
                   const CcbPlotUnit *to, const char *reason)
{
    g_autofree char *ends = g_strdup_printf("%d %u %u", (int)kind, from->index, to->index);
    CcbPlotRelation *relation = g_hash_table_lookup(plot->by_ends, ends);
    if (relation == NULL) {
        relation = g_new0(CcbPlotRelation, 1);
        *relation = (CcbPlotRelation){from, to, kind, g_ptr_array_new_with_free_func(g_free)};
        g_ptr_array_add(plot->relations, relation);
        g_hash_table_insert(plot->by_ends, g_steal_pointer(&ends), relation);
    }
    /* Sorted, because the order in which a graph was filled means nothing. */
    guint at = 0;
    while (at < relation->reasons->len && strcmp(relation->reasons->pdata[at], reason) < 0)
        at++;
    g_ptr_array_insert(relation->reasons, (gint)at, g_strdup(reason));
}

/* Adds the edges between units that are shown; takes ownership of `edges`. */
static void relate_edges(CcbUnitPlot *plot, CcbPlotKind kind, GPtrArray *edges)
{
    for (guint i = 0; i < edges->len; i++) {
        const CcbUnitEdge *edge = edges->pdata[i];
        const CcbPlotUnit *from = g_hash_table_lookup(plot->by_name, edge->from);
        const CcbPlotUnit *to = g_hash_table_lookup(plot->by_name, edge->to);
        if (from != NULL && to != NULL && kind == CCB_PLOT_ORDER)
            relate(plot, kind, to, from, edge->reason);
        else if (from != NULL && to != NULL)
            relate(plot, kind, from, to, edge->reason);
    }
    g_ptr_array_unref(edges);
}

static void relate_all(CcbUnitPlot *plot, CcbUnitGraph *graph)
{
    for (guint i = 0; i < plot->units->len; i++) {
        const CcbPlotUnit *unit = plot->units->pdata[i];
        relate_edges(plot, CCB_PLOT_ORDER, ccb_unitgraph_after(graph, unit->name));
        relate_edges(plot, CCB_PLOT_PULL, ccb_unitgraph_pulls(graph, unit->name));
    }
}

/* Notes both ends of the edges that one of the units is an end of, and that a file or a link makes: reasons of those
 * begin with a path.  Takes ownership of `edges`. */
static void choose(GHashTable *chosen, const char *const *about, GPtrArray *edges)
{
    for (guint i = 0; i < edges->len; i++) {
        const CcbUnitEdge *edge = edges->pdata[i];
        bool concerns = g_strv_contains(about, edge->from) || g_strv_contains(about, edge->to);
        if (!concerns || edge->reason[0] != '/')
            continue;
        g_hash_table_add(chosen, (char *)edge->from);
        g_hash_table_add(chosen, (char *)edge->to);
    }
    g_ptr_array_unref(edges);
}

CcbUnitPlot *ccb_unitplot_near(CcbUnitGraph *graph, const char *target, const char *const *about)
{
    CcbUnitPlot *plot = plot_new(ccb_unitgraph_resolve(graph, target), false, about);
    g_autoptr(GPtrArray) names = ccb_unitgraph_names(graph);
    g_autoptr(GPtrArray) started = ccb_unitgraph_started(graph, target);
    g_autoptr(GHashTable) is_started = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) chosen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < started->len; i++)
        g_hash_table_add(is_started, started->pdata[i]);
    for (guint i = 0; i < names->len; i++) {
        char *name = names->pdata[i];
        if (g_strv_contains(about, name))
            g_hash_table_add(chosen, name);
        choose(chosen, about, ccb_unitgraph_after(graph, name));
        choose(chosen, about, ccb_unitgraph_pulls(graph, name));
    }
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        if (g_hash_table_contains(chosen, name))
            add_unit(plot, name, ccb_unitgraph_has(graph, name),
                     g_hash_table_contains(is_started, name));
    }
    relate_all(plot, graph);
    return plot;
}

CcbUnitPlot *ccb_unitplot_all(CcbUnitGraph *graph, const char *target)
{
    CcbUnitPlot *plot = plot_new(ccb_unitgraph_resolve(graph, target), true, ccb_gpu_units);
    g_autoptr(GPtrArray) started = ccb_unitgraph_started(graph, target);
    for (guint i = 0; i < started->len; i++)
        add_unit(plot, started->pdata[i], true, true);
    relate_all(plot, graph);
    return plot;
}

/* Marks, by index, what starts before the marked units, or after them, until no more is found. */
static void reach(const CcbUnitPlot *plot, bool *marked, bool forward)
{
    for (bool more = true; more;) {
        more = false;
        for (guint i = 0; i < plot->relations->len; i++) {
            const CcbPlotRelation *relation = plot->relations->pdata[i];
            guint at = (forward ? relation->from : relation->to)->index;
            guint next = (forward ? relation->to : relation->from)->index;
            if (relation->kind != CCB_PLOT_ORDER || !marked[at] || marked[next])
                continue;
            marked[next] = more = true;
        }
    }
}

CcbUnitPlot *ccb_unitplot_around(CcbUnitGraph *graph, const char *target, const char *name)
{
    const char *const about[] = {ccb_unitgraph_resolve(graph, name), NULL};
    g_autoptr(CcbUnitPlot) all = ccb_unitplot_all(graph, target);
    CcbUnitPlot *plot = plot_new(all->target, true, about);
    const CcbPlotUnit *unit = g_hash_table_lookup(all->by_name, about[0]);
    g_autofree bool *before = g_new0(bool, all->units->len + 1);
    g_autofree bool *after = g_new0(bool, all->units->len + 1);
    if (unit == NULL)
        return plot;
    before[unit->index] = after[unit->index] = true;
    reach(all, before, false);
    reach(all, after, true);
    for (guint i = 0; i < all->units->len; i++) {
        const CcbPlotUnit *one = all->units->pdata[i];
        if (before[i] || after[i])
            add_unit(plot, one->name, one->present, one->started);
    }
    relate_all(plot, graph);
    return plot;
}

static void expect_word(CcbUnitPlot *plot, const char *name, const CcbUnitValue *value,
                        const char *word)
{
    const CcbPlotUnit *other = g_hash_table_lookup(plot->by_name, word);
    if (other == NULL || strcmp(word, name) == 0)
        return;
    const CcbPlotUnit *unit = g_hash_table_lookup(plot->by_name, name);
    if (unit == NULL)
        unit = add_unit(plot, name, false, false);
    g_autofree char *reason =
        g_strdup_printf("%s:%u: %s=%s", value->file, value->line, value->key, word);
    if (strcmp(value->key, "After") == 0)
        relate(plot, CCB_PLOT_ORDER, other, unit, reason);
    else if (strcmp(value->key, "Before") == 0)
        relate(plot, CCB_PLOT_ORDER, unit, other, reason);
    else
        relate(plot, CCB_PLOT_PULL, unit, other, reason);
}

void ccb_unitplot_expect(CcbUnitPlot *plot, const char *name, const CcbUnit *dropins)
{
    static const char *const keys[] = {"After", "Before", "Wants", "Requires", "BindsTo"};
    bool concerns = g_strv_contains((const char *const *)plot->about, name);
    for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
        for (char **about = plot->about; *about != NULL; about++)
            concerns = concerns || ccb_unit_lists(dropins, keys[k], *about);
    for (size_t k = 0; concerns && k < G_N_ELEMENTS(keys); k++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(dropins, "Unit", keys[k]);
        for (guint i = 0; i < values->len; i++) {
            const CcbUnitValue *value = values->pdata[i];
            g_autoptr(GPtrArray) words = ccb_unit_words(value->value, NULL);
            for (guint w = 0; words != NULL && w < words->len; w++)
                expect_word(plot, name, value, words->pdata[w]);
        }
    }
}
