/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/resolved.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "recipe/resolve.h"
#include "recipe/steplist.h"
#include "recipe/variables.h"

/* `root` has the same steps as the plan. */
static void resolve(CcbNode *root, const CcbPlan *plan)
{
    g_autofree char *own = g_path_get_dirname(plan->recipe->root->file);
    char *dir = realpath(own, NULL);
    ccb_resolve(root, ccb_recipe_fields, dir != NULL ? dir : own);
    const CcbNode *list = ccb_node_get(root, "steps");
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        CcbNode *item = list->items->pdata[i];
        if (item->type != CCB_NODE_MAP)
            continue;
        CcbNode *map = ccb_step_long_form(item->items->pdata[0], step->kind->list);
        if (map != NULL)
            ccb_node_set(item, ccb_node_copy(item->keys->pdata[0]), map);
        CcbNode *settings = item->items->pdata[0];
        if (settings->type == CCB_NODE_MAP)
            ccb_resolve(settings, step->kind->fields, dir != NULL ? dir : own);
        else /* "- kernel:" */
            ccb_node_set(
                item, ccb_node_copy(item->keys->pdata[0]),
                ccb_node_new(CCB_NODE_MAP, settings->file, settings->line, settings->column));
    }
    free(dir);
}

CcbNode *ccb_plan_resolved(const CcbPlan *plan)
{
    CcbNode *root = ccb_node_copy(plan->recipe->root);
    resolve(root, plan);
    return root;
}

/* Takes the keys that are not in `kept` out of a map, and the map where none is left. */
static void keep(CcbNode *root, const char *name, const GPtrArray *kept)
{
    CcbNode *map = ccb_node_get(root, name);
    for (guint i = map != NULL ? map->keys->len : 0; i-- > 0;) {
        const char *key = ((const CcbNode *)map->keys->pdata[i])->text;
        if (!g_ptr_array_find_with_equal_func((GPtrArray *)kept, key, g_str_equal, NULL))
            ccb_node_remove(map, key);
    }
    if (map != NULL && map->keys->len == 0)
        ccb_node_remove(root, name);
}

CcbNode *ccb_plan_flat(const CcbPlan *plan)
{
    CcbNode *root = ccb_node_copy(plan->recipe->source);
    const CcbNode *matrix = ccb_node_get(root, "matrix");
    g_autoptr(GPtrArray) variables = g_ptr_array_new();
    g_autoptr(GPtrArray) payloads = g_ptr_array_new();
    for (guint i = 0; matrix != NULL && i < matrix->keys->len; i++)
        g_ptr_array_add(variables, ((CcbNode *)matrix->keys->pdata[i])->text);
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++)
            g_ptr_array_add(payloads, ((CcbPayload *)step->payloads->pdata[j])->label);
    }
    g_ptr_array_add(variables, NULL);
    if (!ccb_variables_expand(root, (const char *const *)variables->pdata, NULL, NULL))
        g_error("variables that could be replaced before cannot be now"); /* a bug */
    g_ptr_array_set_size(variables, (int)variables->len - 1);
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, plan->recipe->in_templates);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(variables, name);
    keep(root, "variables", variables);
    keep(root, "payloads", payloads);
    resolve(root, plan);
    return root;
}

char *ccb_plan_recipe_digest(const CcbPlan *plan)
{
    g_autoptr(CcbNode) root = ccb_plan_flat(plan);
    json_auto_t *json = ccb_node_to_json(root);
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    char *digest = ccb_digest_string(text);
    free(text);
    return digest;
}
