/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plot holds, for those who draw it. */
#pragma once

#include "systemd/unitplot.h"

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

struct CcbUnitPlot {
    bool whole;
    char *target;
    GPtrArray *units;     /* CcbPlotUnit, sorted by name but for those that are expected */
    GHashTable *by_name;  /* name ► CcbPlotUnit */
    GPtrArray *relations; /* CcbPlotRelation */
    GHashTable *by_ends;  /* "KIND FROM TO" ► CcbPlotRelation */
};

/* The units in an order that keeps all relations, those first that wait for nothing; what a cycle
 * holds back comes last, from *ret_cyclic on.  Caller unrefs the array. */
GPtrArray *ccb_unitplot_sort(const CcbUnitPlot *plot, guint *ret_cyclic);
