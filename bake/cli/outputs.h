/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files a bake makes, for `bake` and `plan`. */
#pragma once

#include "recipe/recipe.h"

/* `output`: of --output; NULL: the recipe's name.  Formats (CcbEmitFormat) and paths, as many; the caller owns both.
 * Errors: CCB_ERR_RECIPE, CCB_ERR_USAGE. */
bool ccb_outputs_choose(const CcbRecipe *recipe, const char *output, GPtrArray **ret_formats,
                        char ***ret_paths, GError **error);
