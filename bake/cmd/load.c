/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/load.h"

#include "step/table.h"

bool ccb_load(const char *recipe_path, const CcbLoadOptions *options, CcbLoaded *ret,
              GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) settings = g_ptr_array_new();
    for (guint i = 0; options->settings != NULL && i < options->settings->len; i++)
        g_ptr_array_add(settings, options->settings->pdata[i]);
    g_ptr_array_add(settings, NULL);
    CcbRecipeOptions wanted = {.settings = (const char *const *)settings->pdata,
                               .base = options->base};
    loaded.recipe = ccb_recipe_load(recipe_path, &wanted, error);
    if (loaded.recipe == NULL)
        return false;
    loaded.lock_path = options->lock ? g_strdup(options->lock) : ccb_lock_path(recipe_path);
    loaded.lock = ccb_lock_load(loaded.lock_path, error);
    if (loaded.lock != NULL)
        loaded.plan = ccb_plan_new(loaded.recipe, loaded.lock, ccb_step_kinds, error);
    if (loaded.plan == NULL)
        return false;
    *ret = loaded;
    loaded = (CcbLoaded){0};
    return true;
}

void ccb_loaded_clear(CcbLoaded *loaded)
{
    ccb_plan_free(loaded->plan);
    ccb_lock_free(loaded->lock);
    g_free(loaded->lock_path);
    ccb_recipe_free(loaded->recipe);
    *loaded = (CcbLoaded){0};
}
