/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The changes that a bake will make to its base, before it is run.  Of steps with layers in the cache they are read from
 * the images; of the other steps they are predicted (change/predict.h).  Without a backend no image is opened, and all
 * are predicted.  Nothing is written but the cache's notes: when layers were last used, and where the base is.
 */
#pragma once

#include <stdio.h>

#include "check/foresee.h"
#include "diff/diff.h"
#include "plan/plan.h"

/* The predicted change of one step. */
typedef struct {
    GPtrArray *changes; /* CcbChange, as the kind declares them; the data of edits is gone */
    CcbDiff *diff;
    GPtrArray *unknown;  /* CcbChange with the op UNKNOWN: what only the bake will show */
    GPtrArray *failures; /* char *: why the bake will fail here; with a hint, as errors have it */
} CcbPlannedStep;

typedef struct {
    guint cached;        /* steps that are in layers, from the first on */
    CcbDiff *exact;      /* of the base and the last of these layers; NULL: none is cached */
    GPtrArray *steps;    /* CcbPlannedStep, of the steps from `cached` on */
    bool is_compared;    /* with the base; false: the base is not at hand */
    GPtrArray *foreseen; /* CcbForeseen: the checks that the image will fail */
} CcbPlanned;

typedef struct {
    const CcbPlan *plan;
    const char *const *keys; /* of the steps; NULL: something is not pinned, and nothing cached */
    const CcbFacts *base;    /* NULL: it is not at hand */
    const char *backend;     /* of --backend; NULL: no image is opened */
    bool only_predict;       /* what the cached steps did is of no interest */
} CcbPlannedOptions;

/* Errors: of the cache, the backend and the images. */
CcbPlanned *ccb_planned_new(const CcbPlannedOptions *options, GError **error);
void ccb_planned_free(CcbPlanned *planned); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPlanned, ccb_planned_free)

/* The change of planned->steps[index] in one line: "2 files, +swiotlb=4194304,any, ? /etc/default/grub: edited"; caller
 * frees. */
char *ccb_planned_summary(const CcbPlanned *planned, guint index);

void ccb_planned_print(const CcbPlanned *planned, const CcbPlan *plan, FILE *out);

/* Adds "basis" and the predicted change to the JSON object of the plan's step `index`. */
void ccb_planned_step_to_json(const CcbPlanned *planned, guint index, json_t *step);
