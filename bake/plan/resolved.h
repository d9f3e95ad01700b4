/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recipe of a plan in one piece: numbers and booleans are plain scalars and texts are not, paths are relative to the
 * recipe's folder, and every value says where it comes from.
 */
#pragma once

#include "plan/plan.h"

/* With all that it says, and every variable replaced; caller frees. */
CcbNode *ccb_plan_resolved(const CcbPlan *plan);

/* As a recipe that extends none and does the same: of variables only those of the matrix are left, of payloads those that
 * steps use.  Caller frees. */
CcbNode *ccb_plan_flat(const CcbPlan *plan);

/* SHA-256 of ccb_plan_flat() as canonical JSON of texts, so that comments, the order of keys, variables and the division into
 * files do not matter; caller frees. */
char *ccb_plan_recipe_digest(const CcbPlan *plan);
