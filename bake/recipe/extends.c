/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/extends.h"

#include <string.h>

#include "recipe/yaml.h"

bool ccb_step_split(const CcbNode *step, const CcbNode **ret_kind, const CcbNode **ret_settings,
                    GError **error)
{
    if (step->type == CCB_NODE_SCALAR && !ccb_node_is_null(step)) { /* "- initramfs" */
        *ret_kind = step;
        *ret_settings = NULL;
        return true;
    }
    if (step->type != CCB_NODE_MAP || step->keys->len != 1)
        return ccb_node_fail(step, error,
                             "a step is a map with one key, its kind "
                             "(\"- nvidia-driver: {...}\")");
    *ret_kind = step->keys->pdata[0];
    *ret_settings = step->items->pdata[0];
    return true;
}

const char *ccb_step_id(const CcbNode *kind, const CcbNode *settings)
{
    const char *id = ccb_node_get_text(settings, "id");
    return id ? id : kind->text;
}

/* The child's list is the whole order.  A bare word in it is the parent's step of that id, if there is one: the item
 * stands where the word does, its kind and settings where the parent has them. */
static CcbNode *merge_steps(const CcbNode *parent, const CcbNode *child)
{
    CcbNode *list = ccb_node_new(CCB_NODE_LIST, child->file, child->line, child->column);
    for (guint i = 0; i < child->items->len; i++) {
        const CcbNode *step = child->items->pdata[i], *source = step, *kind, *settings;
        for (guint j = 0; step->type == CCB_NODE_SCALAR && j < parent->items->len; j++) {
            const CcbNode *inherited = parent->items->pdata[j];
            if (!ccb_step_split(inherited, &kind, &settings, NULL) ||
                strcmp(ccb_step_id(kind, settings), step->text) != 0)
                continue;
            source = inherited;
            break;
        }
        CcbNode *item = ccb_node_copy(source);
        item->file = step->file;
        item->line = step->line;
        item->column = step->column;
        g_ptr_array_add(list->items, item);
    }
    return list;
}

/* An item of the child takes the place of the parent's item of the same name, or is added behind. */
static CcbNode *merge_named(const CcbNode *parent, const CcbNode *child)
{
    CcbNode *list = ccb_node_copy(parent);
    g_autofree bool *replaced = g_new0(bool, parent->items->len); /* not twice: that is an error */
    for (guint i = 0; i < child->items->len; i++) {
        const CcbNode *item = child->items->pdata[i];
        const char *name = ccb_node_get_text(item, "name");
        guint at = 0;
        for (; at < parent->items->len; at++)
            if (!replaced[at] && name != NULL &&
                g_strcmp0(ccb_node_get_text(parent->items->pdata[at], "name"), name) == 0)
                break;
        if (at < parent->items->len) {
            replaced[at] = true;
            g_ptr_array_remove_index(list->items, at);
        }
        g_ptr_array_insert(list->items, at < parent->items->len ? (gint)at : -1,
                           ccb_node_copy(item));
    }
    return list;
}

/* Lays `above` over `below`, which becomes the result. */
static void merge(CcbNode *below, const CcbNode *above)
{
    static const char *const merged_by_entry[] = {"variables", "payloads", "matrix", NULL};
    for (guint i = 0; i < above->keys->len; i++) {
        const CcbNode *key = above->keys->pdata[i], *value = above->items->pdata[i];
        CcbNode *old = ccb_node_get(below, key->text);
        if (strcmp(key->text, "extends") == 0)
            continue;
        CcbNodeType both = old != NULL && old->type == value->type ? old->type : CCB_NODE_SCALAR;
        if (both == CCB_NODE_LIST && strcmp(key->text, "steps") == 0)
            ccb_node_set(below, ccb_node_copy(key), merge_steps(old, value));
        else if (both == CCB_NODE_LIST && strcmp(key->text, "checks") == 0)
            ccb_node_set(below, ccb_node_copy(key), merge_named(old, value));
        else if (both == CCB_NODE_MAP && g_strv_contains(merged_by_entry, key->text))
            for (guint j = 0; j < value->keys->len; j++)
                ccb_node_set(old, ccb_node_copy(value->keys->pdata[j]),
                             ccb_node_copy(value->items->pdata[j]));
        else
            ccb_node_set(below, ccb_node_copy(key), ccb_node_copy(value));
    }
}

/* `chain`: the real paths of the files that led here. */
static CcbNode *load(const char *path, GPtrArray *chain, GError **error)
{
    g_ptr_array_add(chain, g_canonicalize_filename(path, NULL));
    g_autoptr(CcbNode) own = ccb_yaml_load(path, error);
    if (own == NULL)
        return NULL;
    if (own->type != CCB_NODE_MAP) {
        ccb_node_fail(own, error, "a recipe is a map of keys");
        return NULL;
    }
    const CcbNode *extends = ccb_node_get(own, "extends");
    if (extends == NULL)
        return g_steal_pointer(&own);
    if (extends->type != CCB_NODE_SCALAR || ccb_node_is_null(extends)) {
        ccb_node_fail(extends, error, "\"extends\": expected the name of a recipe file");
        return NULL;
    }
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *parent = g_path_is_absolute(extends->text)
                                  ? g_strdup(extends->text)
                                  : g_build_filename(dir, extends->text, NULL);
    g_autofree char *real = g_canonicalize_filename(parent, NULL);
    if (g_ptr_array_find_with_equal_func(chain, real, g_str_equal, NULL)) {
        ccb_node_fail(extends, error, "\"extends\" runs in a circle: %s is already being read",
                      extends->text);
        return NULL;
    }
    if (!g_file_test(parent, G_FILE_TEST_EXISTS)) {
        ccb_node_fail(extends, error, "\"extends\": there is no %s", parent);
        return NULL;
    }
    g_autoptr(CcbNode) whole = load(parent, chain, error);
    if (whole == NULL)
        return NULL;
    merge(whole, own);
    return g_steal_pointer(&whole);
}

CcbNode *ccb_extends_load(const char *path, GError **error)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(g_free);
    return load(path, chain, error);
}
