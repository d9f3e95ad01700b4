/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the image of a plan could not be right: steps that will fail, and checks that the image will fail.  `plan` lists
 * them, `bake` does not start.
 */
#pragma once

#include "cli/planned.h"

typedef struct {
    CcbErrorCode code;   /* of the bake; CCB_ERR_PROBLEM: the bake does not start */
    const CcbNode *node; /* of the recipe; NULL: none */
    const char *check;   /* that the image will fail; NULL: the bake itself fails */
    char *what;
    char *why, *remedy; /* NULL: not known */
    bool certain; /* false: what only the bake will show may prevent it; no reason not to start */
} CcbProblem;

GPtrArray *ccb_problems_new(void); /* of CcbProblem; caller unrefs */

/* What the plan itself shows. */
void ccb_problems_add_planned(GPtrArray *problems, const CcbPlan *plan, const CcbPlanned *planned);

/* What else is in the way of the bake; takes ownership of the error, which may be NULL. */
void ccb_problems_add_error(GPtrArray *problems, GError *error);

/* "FILE:LINE:COLUMN: WHAT (CHECK)" and lines for why and remedy; caller frees. */
char *ccb_problem_to_text(const CcbProblem *problem);

/* New reference. */
json_t *ccb_problems_to_json(const GPtrArray *problems);

/* Fails with all that are certain, and warns of the others. */
bool ccb_problems_refuse(const GPtrArray *problems, GError **error);

/* How many are certain, and so in the way of the bake; *ret_code (may be NULL): the code of the first of them. */
guint ccb_problems_count(const GPtrArray *problems, CcbErrorCode *ret_code);
