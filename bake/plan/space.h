/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room that a plan needs, in the image and on the host, before anything is begun.  All of it in
 * bytes, about: what a kind of step says of itself and of each byte of its payloads.
 */
#pragma once

#include "host/freespace.h"
#include "plan/plan.h"

typedef struct {
    uint64_t image;   /* that steps add to the image */
    uint64_t scratch; /* that they use outside it, at most */
} CcbSpace;

/* What a step needs. */
CcbSpace ccb_step_space(const CcbStep *step);

/* What the steps from `first` on need. */
CcbSpace ccb_plan_space(const CcbPlan *plan, guint first);

/* An output, at most: what the base's root holds and what all steps add.  `base` NULL: not known,
 * and only the latter. */
uint64_t ccb_space_of_output(const CcbPlan *plan, const CcbFacts *base);

/* The disk on which the appliance finds the payloads of a step, the largest from `first` on. */
uint64_t ccb_space_of_payload_disk(const CcbPlan *plan, guint first);

/* ccb_free_space_check() for what includes the cache. */
bool ccb_space_check_needs(const CcbSpaceNeed *needs, guint n, GError **error);

typedef struct {
    const CcbPlan *plan;
    const CcbFacts *base;  /* NULL: not known */
    guint first;           /* the first step that will run */
    CcbBackend backend;    /* AUTO: not chosen yet, and what either needs at least */
    const char *directory; /* of the outputs */
    guint outputs;         /* files */
} CcbBakeSpace;

/* Refuses a bake for which the file systems of outputs, cache and temporary files have too little
 * space.  Errors: CCB_ERR_HOST, with figures. */
bool ccb_space_check(const CcbBakeSpace *bake, GError **error);
