/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/load.h"

#include <string.h>

#include "check/waivers.h"
#include "step/kinds.h"

char *ccb_cell_label(char *const *cell)
{
    return g_strjoinv(" ", (char **)cell);
}

static bool load(const char *recipe_path, const CcbLoadOptions *options, char *const *cell,
                 CcbLoaded *ret, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) settings = g_ptr_array_new();
    for (guint i = 0; options->settings != NULL && i < options->settings->len; i++)
        g_ptr_array_add(settings, options->settings->pdata[i]);
    for (; *cell != NULL; cell++)
        g_ptr_array_add(settings, *cell);
    g_ptr_array_add(settings, NULL);
    CcbRecipeOptions wanted = {.settings = (const char *const *)settings->pdata,
                               .base = options->base};
    loaded.recipe = ccb_recipe_load(recipe_path, &wanted, error);
    if (loaded.recipe == NULL || !ccb_check_waivers(loaded.recipe, error))
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

bool ccb_load_expectation(const char *recipe_path, GPtrArray *settings, CcbExpectation *ret,
                          GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    const CcbLoadOptions options = {.settings = settings};
    if (!ccb_load(recipe_path, &options, &loaded, error))
        return false;
    *ret = loaded.plan->expect;
    loaded.plan->expect = (CcbExpectation){0};
    return true;
}

static char *const no_cell[] = {NULL};

bool ccb_load(const char *recipe_path, const CcbLoadOptions *options, CcbLoaded *ret,
              GError **error)
{
    return load(recipe_path, options, no_cell, ret, error);
}

bool ccb_load_cell(const char *recipe_path, const CcbLoadOptions *options, char *const *cell,
                   CcbLoaded *ret, GError **error)
{
    if (load(recipe_path, options, cell, ret, error))
        return true;
    g_autofree char *label = ccb_cell_label(cell);
    if (label[0] != '\0')
        g_prefix_error(error, "image %s of the matrix: ", label);
    return false;
}

const char *ccb_matrix_setting(const CcbLoadOptions *options, const GPtrArray *cells)
{
    for (guint i = 0; options->settings != NULL && cells->len > 0 && i < options->settings->len;
         i++) {
        const char *setting = options->settings->pdata[i];
        size_t name = strcspn(setting, "=") + 1;
        for (char **value = cells->pdata[0]; *value != NULL; value++)
            if (strncmp(*value, setting, name) == 0)
                return setting;
    }
    return NULL;
}

GPtrArray *ccb_load_cells(const char *recipe_path, const CcbLoadOptions *options, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    if (!ccb_load(recipe_path, options, &loaded, error))
        return NULL;
    g_autoptr(GPtrArray) cells = g_steal_pointer(&loaded.recipe->cells);
    loaded.recipe->cells = g_ptr_array_new();
    const char *setting = ccb_matrix_setting(options, cells);
    if (setting != NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "--set=%s: the matrix gives this variable its values",
                 setting);
        return NULL;
    }
    for (guint i = 0; i < cells->len; i++) {
        g_auto(CcbLoaded) cell = {0};
        if (!ccb_load_cell(recipe_path, options, cells->pdata[i], &cell, error))
            return NULL;
    }
    if (cells->len == 0)
        g_ptr_array_add(cells, g_new0(char *, 1));
    return g_steal_pointer(&cells);
}

void ccb_loaded_clear(CcbLoaded *loaded)
{
    ccb_plan_free(loaded->plan);
    ccb_lock_free(loaded->lock);
    g_free(loaded->lock_path);
    ccb_recipe_free(loaded->recipe);
    *loaded = (CcbLoaded){0};
}
