/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/load.h"

#include <string.h>

#include "check/waivers.h"
#include "emit/format.h"
#include "step/kinds.h"

char *ccb_matrix_label(char *const *entry)
{
    return g_strjoinv(" ", (char **)entry);
}

static bool load(const char *recipe_path, const CcbLoadOptions *options, char *const *entry,
                 CcbLoaded *ret, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) settings = g_ptr_array_new();
    if (options->settings != NULL)
        g_ptr_array_extend(settings, options->settings, NULL, NULL);
    g_ptr_array_add(settings, NULL);
    const CcbRecipeOptions wanted = {
        .settings = (const char *const *)settings->pdata,
        .entry = (const char *const *)entry,
        .base = options->base,
    };
    loaded.recipe = ccb_recipe_load(recipe_path, &wanted, error);
    if (loaded.recipe == NULL || !ccb_check_waivers(loaded.recipe, error))
        return false;
    if (options->lock == NULL && !ccb_lock_check_path(recipe_path, error))
        return false;
    loaded.lock_path = options->lock ? g_strdup(options->lock) : ccb_lock_path(recipe_path);
    loaded.lock = options->with_lock ? ccb_lock_ref(options->with_lock)
                                     : ccb_lock_load(loaded.lock_path, error);
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
    if (!ccb_load(recipe_path, &options, &loaded, error) ||
        !ccb_plan_expect_changes(loaded.plan, error))
        return false;
    *ret = loaded.plan->expect;
    loaded.plan->expect = (CcbExpectation){0};
    return true;
}

bool ccb_load(const char *recipe_path, const CcbLoadOptions *options, CcbLoaded *ret,
              GError **error)
{
    static char *const no_entry[] = {NULL};
    return load(recipe_path, options, no_entry, ret, error);
}

bool ccb_load_entry(const char *recipe_path, const CcbLoadOptions *options, char *const *entry,
                    CcbLoaded *ret, GError **error)
{
    if (load(recipe_path, options, entry, ret, error))
        return true;
    g_autofree char *label = ccb_matrix_label(entry);
    if (label[0] != '\0')
        g_prefix_error(error, "image %s of the matrix: ", label);
    return false;
}

const char *ccb_matrix_setting(const CcbLoadOptions *options, const GPtrArray *entries)
{
    for (guint i = 0; options->settings != NULL && entries->len > 0 && i < options->settings->len;
         i++) {
        const char *setting = options->settings->pdata[i];
        size_t name = strcspn(setting, "=") + 1;
        for (char **value = entries->pdata[0]; *value != NULL; value++)
            if (strncmp(*value, setting, name) == 0)
                return setting;
    }
    return NULL;
}

/* Two images of a matrix have two files; `names`: of the files so far, and their images. */
static bool add_output(GHashTable *names, const CcbRecipe *recipe, char *const *entry,
                       GError **error)
{
    g_autofree char *name = ccb_emit_file_name(recipe), *label = ccb_matrix_label(entry);
    const char *other = g_hash_table_lookup(names, name);
    if (other == NULL)
        return g_hash_table_insert(names, g_steal_pointer(&name), g_steal_pointer(&label));
    const CcbNode *output = ccb_node_get(recipe->root, "output");
    const CcbNode *at = output != NULL ? ccb_node_get(output, "name") : NULL;
    ccb_node_fail(at != NULL ? at : recipe->root, error,
                  "the images %s and %s of the matrix would both be %s", other, label, name);
    return ccb_hint(error, "use the matrix's variables in the output's name");
}

GPtrArray *ccb_load_matrix(const char *recipe_path, const CcbLoadOptions *options, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    if (!ccb_load(recipe_path, options, &loaded, error))
        return NULL;
    g_autoptr(GPtrArray) entries = g_ptr_array_ref(loaded.recipe->cells);
    const char *setting = ccb_matrix_setting(options, entries);
    if (setting != NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "--set=%s: the matrix gives this variable its values",
                 setting);
        return NULL;
    }
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < entries->len; i++) {
        g_auto(CcbLoaded) entry = {0};
        if (!ccb_load_entry(recipe_path, options, entries->pdata[i], &entry, error) ||
            !add_output(names, entry.recipe, entries->pdata[i], error))
            return NULL;
    }
    if (entries->len == 0)
        g_ptr_array_add(entries, g_new0(char *, 1));
    return g_steal_pointer(&entries);
}

void ccb_loaded_clear(CcbLoaded *loaded)
{
    ccb_plan_free(loaded->plan);
    ccb_lock_free(loaded->lock);
    g_free(loaded->lock_path);
    ccb_recipe_free(loaded->recipe);
    *loaded = (CcbLoaded){0};
}
