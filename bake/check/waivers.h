/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "recipe/recipe.h"

/* Whether each check that the recipe waives is one.  Errors: CCB_ERR_RECIPE, with what may have been
 * meant. */
bool ccb_check_waivers(const CcbRecipe *recipe, GError **error);
