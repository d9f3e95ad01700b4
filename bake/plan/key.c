/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/key.h"

#include <string.h>

#include "base/digest.h"
#include "base/tree.h"

/* The content of host files, by file name: the name is where it goes in the guest. */
static json_t *files_to_json(const CcbStep *step, const char *key, GError **error)
{
    const CcbNode *setting = ccb_node_get(step->settings, key);
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, key);
    json_t *list = json_array();
    for (char **name = names; *name != NULL; name++) {
        g_autofree char *path = ccb_schema_host_path(setting, *name);
        g_autofree char *base = g_path_get_basename(path);
        g_autofree char *digest = ccb_digest_file(path, error);
        if (digest == NULL) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, json_pack("{ssss}", "name", base, "sha256", digest));
    }
    return list;
}

static json_t *tree_to_json(const CcbNode *setting, GError **error)
{
    g_autofree char *path = ccb_schema_host_path(setting, setting->text);
    g_autofree char *digest = ccb_tree_digest(path, error);
    return digest ? json_string(digest) : NULL;
}

static bool is_left_out(const CcbField *field)
{
    return field->type == CCB_FIELD_PAYLOAD || field->type == CCB_FIELD_PAYLOADS ||
           strcmp(field->name, "id") == 0 || strcmp(field->name, "limit") == 0;
}

static json_t *setting_to_json(const CcbStep *step, const CcbField *field, GError **error)
{
    const CcbNode *node = ccb_node_get(step->settings, field->name);
    if (field->type == CCB_FIELD_FILES)
        return files_to_json(step, field->name, error);
    if (field->type == CCB_FIELD_TREE)
        return tree_to_json(node, error);
    return ccb_node_to_json(node);
}

static bool add_settings(json_t *ingredients, const CcbStep *step, GError **error)
{
    for (const CcbField *field = step->kind->fields; field->name != NULL; field++) {
        if (is_left_out(field) || ccb_node_get(step->settings, field->name) == NULL)
            continue;
        json_t *value = setting_to_json(step, field, error);
        if (value == NULL)
            return false;
        json_object_set_new(ingredients, field->name, value);
    }
    return true;
}

static void add_payloads(json_t *ingredients, const CcbStep *step)
{
    json_t *list = json_array();
    for (guint i = 0; i < step->payloads->len; i++) {
        const CcbPayload *payload = step->payloads->pdata[i];
        json_array_append_new(
            list, json_pack("{ssss?}", "name", payload->name, "sha256", payload->sha256));
    }
    json_object_set_new(ingredients, "(payloads)", list);
}

static void add_derived(json_t *ingredients, const CcbRecipe *recipe, const CcbStep *step)
{
    g_autofree char *text = step->kind->derive ? step->kind->derive(recipe) : NULL;
    if (text != NULL)
        json_object_set_new(ingredients, "(derived)", json_string(text));
}

json_t *ccb_step_ingredients(const CcbRecipe *recipe, const CcbStep *step, GError **error)
{
    json_t *ingredients =
        json_pack("{sssi}", "(kind)", step->kind->name, "(version)", (int)step->kind->version);
    add_payloads(ingredients, step);
    if (step->kind->uses_min_kernel)
        json_object_set_new(ingredients, "(min-kernel)", json_string(recipe->min_kernel));
    add_derived(ingredients, recipe, step);
    if (add_settings(ingredients, step, error))
        return ingredients;
    json_decref(ingredients);
    return NULL;
}

char *ccb_step_key(const char *parent_key, const json_t *ingredients)
{
    char *text = json_dumps(ingredients, JSON_SORT_KEYS | JSON_COMPACT);
    g_autofree char *whole = g_strconcat(parent_key, "\n", text, NULL);
    free(text);
    return ccb_digest_string(whole);
}

char *ccb_base_key(const char *base_sha256)
{
    return g_strconcat("base ", base_sha256, NULL);
}
