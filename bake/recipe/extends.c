/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/extends.h"

#include <string.h>

#include "recipe/installed.h"
#include "recipe/steplist.h"
#include "recipe/yaml.h"

/* The base or a payload.  The keys of a file say where it is (url, path, mirrors, referer) and which it is (sha256, size).
 * A new place replaces all of the old place.  Whether the old digest is right for it nobody can know: with it, the store
 * would go on giving the old file, without it, any file would do.  So the recipe has to say; only a digest that comes from a
 * variable stays, because it changes with the variable, as the place does. */
static bool merge_file(CcbNode *below, const CcbNode *above, const char *name, GError **error)
{
    static const char *const where[] = {"url", "path", "mirrors", "referer", "header-file"};
    const CcbNode *url = ccb_node_get(above, "url"), *path = ccb_node_get(above, "path");
    const CcbNode *place = url ? url : path, *digest = ccb_node_get(below, "sha256");
    bool is_new = place != NULL &&
                  g_strcmp0(place->text, ccb_node_get_text(below, url ? "url" : "path")) != 0;
    bool keeps_digest = ccb_node_get(above, "sha256") == NULL;
    bool is_literal = digest != NULL && digest->type == CCB_NODE_SCALAR &&
                      digest->text[0] != '\0' && strstr(digest->text, "${") == NULL;
    if (is_new && keeps_digest && is_literal) {
        g_autofree char *old = ccb_node_place(digest);
        ccb_node_fail(place, error,
                      "\"%s\" has a new %s, and the sha256 at %s is that of the file at the old "
                      "place",
                      name, url ? "url" : "path", old);
        return ccb_hint(error, "add \"sha256\": the digest of the new file, the old one if it is "
                               "the same file, or \"\" to let `ccbake lock` compute it");
    }
    for (size_t i = 0; place != NULL && i < G_N_ELEMENTS(where); i++)
        ccb_node_remove(below, where[i]);
    if (is_new || !keeps_digest)
        ccb_node_remove(below, "size");
    ccb_node_merge(below, above);
    return true;
}

static bool merge_payloads(CcbNode *below, const CcbNode *above, GError **error)
{
    for (guint i = 0; i < above->keys->len; i++) {
        const CcbNode *key = above->keys->pdata[i], *value = above->items->pdata[i];
        CcbNode *old = ccb_node_get(below, key->text);
        if (old == NULL || old->type != CCB_NODE_MAP || value->type != CCB_NODE_MAP)
            ccb_node_set(below, ccb_node_copy(key), ccb_node_copy(value));
        else if (!merge_file(old, value, key->text, error))
            return false;
    }
    return true;
}

static bool merge_steps(CcbNode *below, const CcbNode *key, const CcbNode *value, GError **error)
{
    const CcbNode *old = ccb_node_get(below, key->text);
    if (old == NULL || old->type != CCB_NODE_LIST)
        return ccb_node_fail(old ? old : key, error,
                             old ? "\"steps\": expected a list of steps"
                                 : "\"steps\": the extended recipe has none to change");
    CcbNode *list = ccb_steps_merge(old, key, value, error);
    if (list == NULL)
        return false;
    ccb_node_set(below, ccb_node_copy(key), list);
    return true;
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

/* Lays the recipe `above` over `below`, which becomes the result. */
static bool merge(CcbNode *below, const CcbNode *above, GError **error)
{
    for (guint i = 0; i < above->keys->len; i++) {
        const CcbNode *key = above->keys->pdata[i], *value = above->items->pdata[i];
        CcbNode *old = ccb_node_get(below, key->text);
        bool is_map = value->type == CCB_NODE_MAP;
        bool both = is_map && old != NULL && old->type == CCB_NODE_MAP, ok = true;
        if (strcmp(key->text, "extends") == 0)
            continue;
        if (strcmp(key->text, "steps") == 0 &&
            (is_map || (old != NULL && value->type == CCB_NODE_LIST)))
            ok = merge_steps(below, key, value, error);
        else if (strcmp(key->text, "checks") == 0 && old != NULL && old->type == CCB_NODE_LIST &&
                 value->type == CCB_NODE_LIST)
            ccb_node_set(below, ccb_node_copy(key), merge_named(old, value));
        else if (both && strcmp(key->text, "base") == 0)
            ok = merge_file(old, value, "base", error);
        else if (both && strcmp(key->text, "payloads") == 0)
            ok = merge_payloads(old, value, error);
        else if (both)
            ccb_node_merge(old, value);
        else
            ccb_node_set(below, ccb_node_copy(key), ccb_node_copy(value));
        if (!ok)
            return false;
    }
    below->file = above->file;
    below->line = above->line;
    below->column = above->column;
    return true;
}

/* A map of steps changes those of another recipe: here is none. */
static bool check_alone(const CcbNode *root, GError **error)
{
    const CcbNode *steps = ccb_node_get(root, "steps");
    for (const CcbField *field = ccb_steps_fields; field->name != NULL; field++) {
        if (ccb_node_get(steps, field->name) == NULL)
            continue;
        ccb_node_fail(steps, error,
                      "\"steps\": \"%s\" is for a recipe that extends another one, and this one "
                      "extends none",
                      field->name);
        return ccb_hint(error, "write the steps as a list, or add \"extends\"");
    }
    return true;
}

/* The file that `extends` of the recipe `path` names; NULL on error. */
static char *find_other(const char *path, const CcbNode *extends, GError **error)
{
    if (extends->type != CCB_NODE_SCALAR || ccb_node_is_null(extends)) {
        ccb_node_fail(extends, error, "\"extends\": expected the name of a recipe file");
        return NULL;
    }
    bool is_installed = g_str_has_prefix(extends->text, CCB_INSTALLED);
    g_autofree char *dir = g_path_get_dirname(path);
    bool is_here = g_path_is_absolute(extends->text) || strcmp(dir, ".") == 0;
    g_autofree char *other = is_installed ? ccb_installed_recipe_path(extends->text)
                             : is_here    ? g_strdup(extends->text)
                                          : g_build_filename(dir, extends->text, NULL);
    if (other != NULL && g_file_test(other, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&other);
    g_autofree char *hint = ccb_installed_hint();
    ccb_node_fail(extends, error, "\"extends\": there is no %s", other ? other : extends->text);
    ccb_hint(error, "%s", hint);
    return NULL;
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
        return check_alone(own, error) ? g_steal_pointer(&own) : NULL;
    g_autofree char *other = find_other(path, extends, error);
    if (other == NULL)
        return NULL;
    g_autofree char *real = g_canonicalize_filename(other, NULL);
    if (g_ptr_array_find_with_equal_func(chain, real, g_str_equal, NULL)) {
        ccb_node_fail(extends, error, "\"extends\" runs in a circle: %s is already being read",
                      extends->text);
        return NULL;
    }
    g_autoptr(CcbNode) whole = load(other, chain, error);
    if (whole == NULL || !merge(whole, own, error))
        return NULL;
    return g_steal_pointer(&whole);
}

CcbNode *ccb_extends_load(const char *path, GError **error)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(g_free);
    if (!g_str_has_prefix(path, CCB_INSTALLED))
        return load(path, chain, error);
    g_autofree char *file = ccb_installed_recipe_path(path);
    if (file != NULL)
        return load(file, chain, error);
    g_autofree char *hint = ccb_installed_hint();
    ccb_fail(error, CCB_ERR_RECIPE, "there is no recipe %s", path);
    ccb_hint(error, "%s", hint);
    return NULL;
}
