/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of overlays/selftest are linked into ccbake, and the step puts them into the image. */
#include "plan/plan.h"
#include "step/kinds.h"

#include "tap.h"

static void holds(const GPtrArray *changes, const char *name)
{
    g_autofree char *path = g_build_filename("overlays/selftest", name, NULL);
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
    g_autoptr(GBytes) wanted = file != NULL ? g_mapped_file_get_bytes(file) : NULL;
    bool found = false;
    for (guint i = 0; i < changes->len; i++) {
        const CcbChange *change = changes->pdata[i];
        g_autofree char *base = change->path ? g_path_get_basename(change->path) : NULL;
        if (change->content != NULL && g_strcmp0(base, name) == 0)
            found = wanted != NULL && g_bytes_equal(change->content, wanted);
    }
    ok(found, name);
}

int main(void)
{
    const CcbRecipeOptions options = {0};
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("recipes/gn8v-tee-8gpu.yaml", &options, NULL);
    g_autoptr(CcbPlan) plan = recipe ? ccb_plan_new(recipe, NULL, ccb_step_kinds, NULL) : NULL;
    const CcbStep *step = NULL;
    for (guint i = 0; plan != NULL && i < plan->steps->len; i++)
        if (((const CcbStep *)plan->steps->pdata[i])->kind->is_selftest)
            step = plan->steps->pdata[i];
    if (ok(step != NULL, "the guide's recipe has a selftest step")) {
        const CcbStepContext context = {.recipe = recipe, .expect = &plan->expect};
        g_autoptr(GPtrArray) changes = ccb_changes_new();
        ok(step->kind->changes(&context, step, changes, NULL), "its changes");
        holds(changes, "ccbake-selftest");
        holds(changes, "ccbake-selftest.service");
    }
    return done();
}
