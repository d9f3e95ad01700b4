/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/node.h"

#include <string.h>

#include "base/cleanup.h"

CcbNode *ccb_node_new(CcbNodeType type, const char *file, int line, int column)
{
    CcbNode *node = g_new0(CcbNode, 1);
    *node = (CcbNode){.type = type, .file = file, .line = line, .column = column};
    if (type == CCB_NODE_SCALAR)
        node->text = g_strdup("");
    else
        node->items = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_node_free);
    if (type == CCB_NODE_MAP) {
        node->keys = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_node_free);
        node->at = g_hash_table_new(g_str_hash, g_str_equal);
    }
    return node;
}

void ccb_node_free(CcbNode *node)
{
    if (node == NULL)
        return;
    g_clear_pointer(&node->at, g_hash_table_unref); /* its keys are texts of node->keys */
    g_clear_pointer(&node->items, g_ptr_array_unref);
    g_clear_pointer(&node->keys, g_ptr_array_unref);
    g_free(node->text);
    g_free(node);
}

CcbNode *ccb_node_copy(const CcbNode *node)
{
    CcbNode *copy = ccb_node_new(node->type, node->file, node->line, node->column);
    copy->plain = node->plain;
    copy->set_at = node->set_at;
    copy->variables = node->variables;
    if (node->type == CCB_NODE_SCALAR) {
        g_free(copy->text);
        copy->text = g_strdup(node->text);
        return copy;
    }
    for (guint i = 0; i < node->items->len; i++) {
        CcbNode *value = ccb_node_copy(node->items->pdata[i]);
        if (node->type == CCB_NODE_MAP)
            ccb_node_set(copy, ccb_node_copy(node->keys->pdata[i]), value);
        else
            g_ptr_array_add(copy->items, value);
    }
    return copy;
}

static bool find(const CcbNode *map, const char *key, guint *ret_index)
{
    gpointer number;
    if (map == NULL || map->type != CCB_NODE_MAP ||
        !g_hash_table_lookup_extended(map->at, key, NULL, &number))
        return false;
    *ret_index = GPOINTER_TO_UINT(number);
    return true;
}

/* After the keys have changed, from that number on. */
static void number_keys(CcbNode *map, guint from)
{
    for (guint i = from; i < map->keys->len; i++)
        g_hash_table_replace(map->at, ((CcbNode *)map->keys->pdata[i])->text, GUINT_TO_POINTER(i));
}

CcbNode *ccb_node_get(const CcbNode *map, const char *key)
{
    guint i;
    return find(map, key, &i) ? map->items->pdata[i] : NULL;
}

const char *ccb_node_get_text(const CcbNode *map, const char *key)
{
    const CcbNode *node = ccb_node_get(map, key);
    return node != NULL && node->type == CCB_NODE_SCALAR ? node->text : NULL;
}

unsigned ccb_node_get_number(const CcbNode *map, const char *key, unsigned fallback)
{
    guint64 number;
    const char *text = ccb_node_get_text(map, key);
    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, NULL))
        return fallback;
    return (unsigned)number;
}

char **ccb_node_get_strings(const CcbNode *map, const char *key)
{
    const CcbNode *node = ccb_node_get(map, key);
    g_autoptr(GStrvBuilder) strings = g_strv_builder_new();
    if (node != NULL && node->type == CCB_NODE_SCALAR)
        g_strv_builder_add(strings, node->text);
    for (guint i = 0; node != NULL && node->type == CCB_NODE_LIST && i < node->items->len; i++)
        g_strv_builder_add(strings, ((CcbNode *)node->items->pdata[i])->text);
    return g_strv_builder_end(strings);
}

void ccb_node_set(CcbNode *map, CcbNode *key, CcbNode *value)
{
    guint i;
    if (find(map, key->text, &i)) {
        g_hash_table_replace(map->at, key->text, GUINT_TO_POINTER(i));
        ccb_node_free(map->keys->pdata[i]);
        ccb_node_free(map->items->pdata[i]);
        map->keys->pdata[i] = key;
        map->items->pdata[i] = value;
        return;
    }
    g_ptr_array_add(map->keys, key);
    g_ptr_array_add(map->items, value);
    number_keys(map, map->keys->len - 1);
}

void ccb_node_remove(CcbNode *map, const char *key)
{
    guint i;
    if (find(map, key, &i)) {
        g_hash_table_remove(map->at, key);
        g_ptr_array_remove_index(map->keys, i);
        g_ptr_array_remove_index(map->items, i);
        number_keys(map, i);
    }
}

void ccb_node_merge(CcbNode *below, const CcbNode *above)
{
    bool both = below->type == CCB_NODE_MAP && above->type == CCB_NODE_MAP;
    for (guint i = 0; both && i < above->keys->len; i++) {
        const CcbNode *key = above->keys->pdata[i], *value = above->items->pdata[i];
        CcbNode *old = ccb_node_get(below, key->text);
        if (old != NULL && old->type == CCB_NODE_MAP && value->type == CCB_NODE_MAP)
            ccb_node_merge(old, value);
        else
            ccb_node_set(below, ccb_node_copy(key), ccb_node_copy(value));
    }
}

bool ccb_node_is_null(const CcbNode *node)
{
    return node->type == CCB_NODE_SCALAR && node->plain &&
           (node->text[0] == '\0' || strcmp(node->text, "null") == 0 ||
            strcmp(node->text, "~") == 0);
}

static char *own_place(const CcbNode *node)
{
    return node->line > 0 ? g_strdup_printf("%s:%d:%d", node->file, node->line, node->column)
                          : g_strdup(node->file);
}

char *ccb_node_place(const CcbNode *node)
{
    char *place = own_place(node);
    if (node->set_at == NULL)
        return place;
    g_autofree char *used = place;
    return g_strdup_printf("%s (used at %s)", node->set_at, used);
}

bool ccb_node_fail(const CcbNode *node, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *place = own_place(node);
    if (node->set_at != NULL)
        return ccb_fail(error, CCB_ERR_RECIPE, "%s: %s (used at %s)", node->set_at, reason, place);
    if (node->variables != NULL)
        return ccb_fail(error, CCB_ERR_RECIPE, "%s: %s (with %s)", place, reason, node->variables);
    return ccb_fail(error, CCB_ERR_RECIPE, "%s: %s", place, reason);
}

static json_t *scalar_to_json(const CcbNode *node, bool typed)
{
    guint64 number;
    if (typed && node->plain &&
        g_ascii_string_to_unsigned(node->text, 10, 0, G_MAXINT64, &number, NULL))
        return json_integer((json_int_t)number);
    if (typed && node->plain &&
        (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
        return json_boolean(node->text[0] == 't');
    return json_string(node->text);
}

static json_t *to_json(const CcbNode *node, bool typed)
{
    if (node->type == CCB_NODE_SCALAR)
        return scalar_to_json(node, typed);
    json_t *json = node->type == CCB_NODE_LIST ? json_array() : json_object();
    for (guint i = 0; i < node->items->len; i++) {
        json_t *value = to_json(node->items->pdata[i], typed);
        if (node->type == CCB_NODE_LIST)
            json_array_append_new(json, value);
        else
            json_object_set_new(json, ((CcbNode *)node->keys->pdata[i])->text, value);
    }
    return json;
}

CcbNode *ccb_node_from_json(const json_t *json, const char *file)
{
    size_t i;
    const char *key;
    json_t *value;
    CcbNodeType type = json_is_object(json)  ? CCB_NODE_MAP
                       : json_is_array(json) ? CCB_NODE_LIST
                                             : CCB_NODE_SCALAR;
    CcbNode *node = ccb_node_new(type, file, 1, 1);
    if (type == CCB_NODE_SCALAR) {
        ccb_autofree char *text = json_dumps(json, JSON_ENCODE_ANY);
        node->plain = !json_is_string(json);
        g_free(node->text);
        node->text = g_strdup(node->plain ? text : json_string_value(json));
    }
    json_array_foreach(json, i, value)
        g_ptr_array_add(node->items, ccb_node_from_json(value, file));
    json_object_foreach((json_t *)json, key, value)
    {
        CcbNode *name = ccb_node_new(CCB_NODE_SCALAR, file, 1, 1);
        g_free(name->text);
        name->text = g_strdup(key);
        ccb_node_set(node, name, ccb_node_from_json(value, file));
    }
    return node;
}

json_t *ccb_node_to_json(const CcbNode *node)
{
    return to_json(node, false);
}

json_t *ccb_node_to_typed_json(const CcbNode *node)
{
    return to_json(node, true);
}

CcbNode *ccb_node_wrap(const CcbNode *value, const char *key)
{
    CcbNode *map = ccb_node_new(CCB_NODE_MAP, value->file, value->line, value->column);
    CcbNode *name = ccb_node_new(CCB_NODE_SCALAR, value->file, value->line, value->column);
    g_free(name->text);
    name->text = g_strdup(key);
    ccb_node_set(map, name, ccb_node_copy(value));
    return map;
}
