/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/expect.h"

#include <string.h>

#include "base/error.h"
#include "base/human.h"
#include "check/check.h"
#include "recipe/recipe.h"

/* NULL, "find out", where the recipe has no such step or says nothing. */
static char **settings(const CcbRecipe *recipe, const char *kind, const char *key)
{
    const CcbRecipeStep *step = ccb_recipe_step_of_kind(recipe, kind);
    return step && ccb_node_get(step->node, key) ? ccb_node_get_strings(step->node, key) : NULL;
}

static char **consumers_of(const CcbRecipe *recipe)
{
    const CcbRecipeStep *step = ccb_recipe_step_of_kind(recipe, "units");
    const CcbNode *rows = step ? ccb_node_get(step->node, "wait-for") : NULL;
    char **list = ccb_node_collect_strings(rows, "consumers");
    if (list[0] != NULL)
        return list;
    g_strfreev(list);
    return NULL;
}

static void waiver_free(gpointer data)
{
    CcbWaiver *waiver = data;
    g_free(waiver->check);
    g_free(waiver->reason);
    g_free(waiver);
}

GPtrArray *ccb_waivers_new(void)
{
    return g_ptr_array_new_with_free_func(waiver_free);
}

static GPtrArray *waivers_of(const CcbRecipe *recipe)
{
    GPtrArray *waivers = ccb_waivers_new();
    for (guint i = 0; i < recipe->waivers->len; i++) {
        const CcbRecipeWaiver *from = recipe->waivers->pdata[i];
        CcbWaiver *waiver = g_new0(CcbWaiver, 1);
        *waiver = (CcbWaiver){g_strdup(from->check), g_strdup(from->reason)};
        g_ptr_array_add(waivers, waiver);
    }
    return waivers;
}

/* The ids of all checks, with NULL at the end. */
static GPtrArray *check_ids(void)
{
    GPtrArray *ids = g_ptr_array_new();
    for (const CcbCheck *const *family = ccb_check_families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            g_ptr_array_add(ids, (char *)check->id);
    g_ptr_array_add(ids, NULL);
    return ids;
}

bool ccb_check_waivers(const CcbRecipe *recipe, GError **error)
{
    g_autoptr(GPtrArray) ids = check_ids();
    const char *const *names = (const char *const *)ids->pdata;
    for (guint i = 0; i < recipe->waivers->len; i++) {
        const CcbRecipeWaiver *waiver = recipe->waivers->pdata[i];
        if (g_strv_contains(names, waiver->check))
            continue;
        ccb_node_fail(waiver->node, error, "\"waivers\": there is no check \"%s\"", waiver->check);
        const char *meant = ccb_did_you_mean(waiver->check, names);
        return meant != NULL ? ccb_hint(error, "did you mean \"%s\"?", meant)
                             : ccb_hint(error, "`ccbake verify --list` lists them");
    }
    return true;
}

void ccb_expectation_of(const CcbRecipe *recipe, CcbExpectation *ret)
{
    *ret = (CcbExpectation){
        .gpus = recipe->gpus,
        .min_kernel = g_strdup(recipe->min_kernel),
        .kernel_args = settings(recipe, "kernel-args", "set"),
        .no_driver = ccb_recipe_step_of_kind(recipe, "nvidia-driver") == NULL,
        .driver = g_strdup(ccb_recipe_setting(recipe, "nvidia-driver", "version")),
        .fabric_manager = g_strdup(ccb_recipe_setting(recipe, "fabric-manager", "version")),
        .nscq = g_strdup(ccb_recipe_setting(recipe, "nscq", "version")),
        .cuda = g_strdup(ccb_recipe_setting(recipe, "cuda-toolkit", "version")),
        .initramfs_drivers = settings(recipe, "initramfs", "drivers"),
        .consumers = consumers_of(recipe),
        .python = settings(recipe, "python-packages", "install"),
        .waivers = waivers_of(recipe),
    };
}

bool ccb_expectation_from_recipe(const char *recipe_path, const GPtrArray *settings,
                                 CcbExpectation *ret, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (guint i = 0; settings != NULL && i < settings->len; i++)
        g_ptr_array_add(list, settings->pdata[i]);
    g_ptr_array_add(list, NULL);
    const CcbRecipeOptions options = {.settings = (const char *const *)list->pdata};
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load(recipe_path, &options, error);
    if (recipe == NULL || !ccb_check_waivers(recipe, error))
        return false;
    ccb_expectation_of(recipe, ret);
    return true;
}
