/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${name} in the texts of a recipe; $${ stands for ${ itself. */
#pragma once

#include "recipe/node.h"

/* Replaces variables in every scalar of `node`.  `variables` (may be NULL) is a map of scalars, whose own values may use
 * others.  Errors: CCB_ERR_RECIPE. */
bool ccb_variables_expand(CcbNode *node, const CcbNode *variables, GError **error);

/* Sets a variable of the map `variables` (may be NULL) by "name=value"; it must exist.  Errors: CCB_ERR_USAGE. */
bool ccb_variables_set(CcbNode *variables, const char *setting, GError **error);
