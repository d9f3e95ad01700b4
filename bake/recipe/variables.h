/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${name} in the texts of a recipe; $${ stands for ${ itself. */
#pragma once

#include "recipe/node.h"

/* Replaces variables in every scalar of the map `root`, a recipe, and adds the names of those that are used to the set
 * `used` (char *; may be NULL).  Its own `variables` may use one another.  With `kept` (else NULL) the result is a recipe
 * again: the variables of these names stay as ${name}, and $${ stays, too.  Errors: CCB_ERR_RECIPE. */
bool ccb_variables_expand(CcbNode *root, const char *const *kept, GHashTable *used, GError **error);

/* The text of a file of the host with the values of its variables, whose names are added to `used`; caller frees.
 * Errors: CCB_ERR_RECIPE with file:line:column; CCB_ERR_IO. */
char *ccb_variables_expand_file(const char *path, const CcbNode *variables, GHashTable *used,
                                GError **error);

/* Refuses a variable that `file` sets and nothing uses: a mistyped name in a recipe that extends another would leave the
 * other's value.  `variables` may be NULL.  Errors: CCB_ERR_RECIPE. */
bool ccb_variables_check_used(const CcbNode *variables, const char *file, GHashTable *used,
                              GError **error);

/* Sets a variable of the map `variables` (may be NULL) by "name=value"; it must exist.  `source`: where the recipe has the
 * value; NULL: it is of --set.  Errors: CCB_ERR_USAGE. */
bool ccb_variables_set(CcbNode *variables, const char *setting, const CcbNode *source,
                       GError **error);
