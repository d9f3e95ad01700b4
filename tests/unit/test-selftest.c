/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of overlays/selftest are linked into ccbake, and their digests are part of the step's key. */
#include "base/digest.h"
#include "recipe/recipe.h"
#include "step/kinds.h"

#include "tap.h"

static void names(const char *derived, const char *file)
{
    g_autofree char *path = g_build_filename("overlays/selftest", file, NULL);
    g_autofree char *digest = ccb_digest_file(path, NULL);
    g_autofree char *line = g_strdup_printf("\n%s=%s\n", file, digest);
    ok(digest != NULL && strstr(derived, line) != NULL, file);
}

int main(void)
{
    const CcbRecipeOptions options = {0};
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("recipes/gn8v-tee-8gpu.yaml", &options, NULL);
    if (ok(recipe != NULL, "the recipe is read")) {
        g_autofree char *derived = ccb_step_selftest.derive(recipe);
        names(derived, "ccbake-selftest");
        names(derived, "ccbake-selftest.service");
    }
    return done();
}
