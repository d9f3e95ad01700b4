/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${name} in the texts of a recipe; $${ stands for ${ itself. */
#pragma once

#include "recipe/node.h"

/* Replaces in every scalar of `node`; `variables` is a map of scalars, whose own values may use
 * others. */
bool ccb_variables_expand(CcbNode *node, const CcbNode *variables, GError **error);

/* Applies "name=value"; the variable must exist.  Errors: CCB_ERR_USAGE. */
bool ccb_variables_set(CcbNode *variables, const char *setting, GError **error);
