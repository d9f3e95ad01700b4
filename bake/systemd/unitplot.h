/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A part of a unit graph to be looked at: the order of the boot with the reason for each relation,
 * as text or in the language of Graphviz (graphviz.org/doc/info/lang.html).
 *
 *     g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
 *     ccb_unitplot_expect(plot, "later.service", dropins);      a unit that is not there yet
 *     g_autofree char *dot = ccb_unitplot_to_dot(plot);
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "systemd/unitgraph.h"

typedef struct {
    char *name;
    guint index;
    bool present, started;
} CcbPlotUnit;

typedef enum { CCB_PLOT_ORDER, CCB_PLOT_PULL } CcbPlotKind;

typedef struct {
    const CcbPlotUnit *from, *to; /* the earlier and the later; or `from` starts `to` */
    CcbPlotKind kind;
    GPtrArray *reasons; /* char * */
} CcbPlotRelation;

typedef struct {
    bool whole;
    char *target;
    char **about;         /* the units that it is about, which DOT paints */
    GPtrArray *units;     /* CcbPlotUnit, sorted by name but for those that are expected */
    GHashTable *by_name;  /* name ► CcbPlotUnit */
    GPtrArray *relations; /* CcbPlotRelation */
    GHashTable *by_ends;  /* "KIND FROM TO" ► CcbPlotRelation */
} CcbUnitPlot;

/* These units (ends with NULL), and every unit that a file or a link relates to one of them directly.  Relations that
 * systemd adds by itself bring no unit in. */
CcbUnitPlot *ccb_unitplot_near(CcbUnitGraph *graph, const char *target, const char *const *about);

/* All that starting `target` starts. */
CcbUnitPlot *ccb_unitplot_all(CcbUnitGraph *graph, const char *target);

/* Of the above, the unit `name` and what starts before or after it, directly or by others; nothing where `target` does
 * not start it. */
CcbUnitPlot *ccb_unitplot_around(CcbUnitGraph *graph, const char *target, const char *name);

void ccb_unitplot_free(CcbUnitPlot *plot); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUnitPlot, ccb_unitplot_free)

/* A unit without a file, of which there are drop-ins: shown where these relate it to one of the units that the plot is
 * about. */
void ccb_unitplot_expect(CcbUnitPlot *plot, const char *name, const CcbUnit *dropins);

/* "a.service ► b.service" for every unit that starts before another, sorted, without reasons; caller
 * frees. */
char **ccb_unitplot_order(const CcbUnitPlot *plot);

/* Names and reasons are made printable; caller frees. */
char *ccb_unitplot_to_dot(const CcbUnitPlot *plot);
char *ccb_unitplot_to_text(const CcbUnitPlot *plot);

/* {target, units: [{name, installed, started, in_cycle}], relations: [{from, relation: before|starts, to, reasons: [{text, file,
 * line}]}]}, the units in the order of the text; a new reference. */
json_t *ccb_unitplot_to_json(const CcbUnitPlot *plot);

/* The units in an order that keeps all relations, those first that wait for nothing; what a cycle
 * holds back comes last, from *ret_cyclic on.  Caller unrefs the array. */
GPtrArray *ccb_unitplot_sort(const CcbUnitPlot *plot, guint *ret_cyclic);
