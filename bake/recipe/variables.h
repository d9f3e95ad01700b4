/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${name} in the texts of a recipe; $${ stands for ${ itself. */
#pragma once

#include "recipe/node.h"

/* Replaces variables in every scalar of the map `root`, a recipe, and adds the names of those that are used to the set
 * `used` (char *).  Its own `variables` may use one another.  Errors: CCB_ERR_RECIPE. */
bool ccb_variables_expand(CcbNode *root, GHashTable *used, GError **error);

/* Refuses a variable that `file` sets and nothing uses: a mistyped name in a recipe that extends another would leave the
 * other's value.  `variables` may be NULL.  Errors: CCB_ERR_RECIPE. */
bool ccb_variables_check_used(const CcbNode *variables, const char *file, GHashTable *used,
                              GError **error);

/* Sets a variable of the map `variables` (may be NULL) by "name=value"; it must exist.  Errors: CCB_ERR_USAGE. */
bool ccb_variables_set(CcbNode *variables, const char *setting, GError **error);
