/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan: recipe, lock and facts of the base made into steps that can be run, and all reasons why
 * they can't. Making it reads no image and needs no root, no VM and no network, so it can be
 * printed and tested anywhere.
 */
#pragma once

#include "plan/kind.h"
#include "plan/lock.h"

typedef struct {
    const CcbRecipe *recipe; /* borrowed */
    CcbPayload *base;
    GPtrArray *steps;      /* CcbStep, in the order they run */
    CcbExpectation expect; /* what the image should be, as recipe and steps say */
} CcbPlan;

/* Checks every step against its kind.  `kinds`: NULL-terminated table; `lock` may be NULL.
 * Errors: CCB_ERR_RECIPE with a position. */
CcbPlan *ccb_plan_new(const CcbRecipe *recipe, const CcbLock *lock, const CcbStepKind *const *kinds,
                      GError **error);
void ccb_plan_free(CcbPlan *plan); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPlan, ccb_plan_free)

/* Gives payloads of the step that have no keys of their own those of its setting `keys`, if there is one. */
void ccb_step_add_keys(const CcbStep *step, const GPtrArray *payloads);

/* The files to which a lock resolved the step, on the plan's base as it is pinned now (CcbPayload, with
 * their texts for messages; caller unrefs); NULL: it does not know. */
GPtrArray *ccb_plan_locked_payloads(const CcbPlan *plan, const CcbStep *step, const CcbLock *lock);

/* The place of the step of that id.  Errors: CCB_ERR_USAGE, with a suggestion. */
bool ccb_plan_find_step(const CcbPlan *plan, const char *id, guint *ret_index, GError **error);

/* Refuses a plan with files that neither recipe nor lock pins; names them all.  Errors:
 * CCB_ERR_RECIPE. */
bool ccb_plan_require_pins(const CcbPlan *plan, GError **error);

/* Refuses a base that is not what the recipe wants: another system, a kernel below the minimum that
 * no step replaces, too little space in the image.  Errors: CCB_ERR_INPUT. */
bool ccb_plan_check_base(const CcbPlan *plan, const CcbFacts *facts, GError **error);

/* Adds to plan->expect what the changes of all steps leave in the image: files (with their digests),
 * links, what is removed; units that are enabled, disabled, masked.  Reads the files of the recipe.
 * What a later step's commands may have changed is expected to be there, and no more.  `files`
 * becomes a list of {path, type: file|directory|link|none|any, mode, owner, sha256, target}, in which
 * a member that is missing is not expected.  Errors: CCB_ERR_IO. */
bool ccb_plan_expect_changes(CcbPlan *plan, GError **error);

/* All payloads of the steps (CcbStep) from `begin` to before `end`, each file once (CcbPayload; belongs
 * to the step); caller unrefs the list. */
GPtrArray *ccb_payloads_of(const GPtrArray *steps, guint begin, guint end);

/* The same as a guest takes them: CcbAttachment, whose strings belong to the payloads. */
GPtrArray *ccb_attachments_of(const GPtrArray *steps, guint begin, guint end);

/* JSON Schema of a recipe with these step kinds; new reference. */
json_t *ccb_plan_schema(const CcbStepKind *const *kinds);
