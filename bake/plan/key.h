/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache key of a step: everything its result depends on, and nothing else.
 *
 *     key = sha256(parent key, ingredients)
 *     ingredients = kind, its version, settings, payload digests, digests of the keys that signed them; of a kind that only changes files
 *     all its changes, with the digests of the files that it puts into the image
 *
 * Not in it: id, limit, comments and order of keys; the names payloads have in the recipe and where
 * they come from; where files of the host lie; other steps' settings and variables; the backend.
 */
#pragma once

#include "plan/plan.h"

/* The member of the ingredients that has the changes, as ccb_changes_to_json(). */
#define CCB_INGREDIENT_CHANGES "what it writes"

/* What the step's result depends on beside its parent; new reference.  Errors: CCB_ERR_IO (a file
 * of the host can't be read). */
json_t *ccb_step_ingredients(const CcbPlan *plan, const CcbStep *step, GError **error);

/* Caller frees. */
char *ccb_step_key(const char *parent_key, const json_t *ingredients);

/* The key of the base, the first parent; caller frees. */
char *ccb_base_key(const char *base_sha256, uint64_t grow);
