/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How unitplot.c leaves a plot for unitplot-print.c. */
#pragma once

#include "format/unitplot.h"

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

extern const char *const ccb_gpu_units[]; /* ends with NULL */
