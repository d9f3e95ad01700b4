/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/schema.h"
#include "base/human.h"

#include <string.h>

char *ccb_schema_host_path(const CcbNode *setting, const char *path)
{
    g_autofree char *dir = g_path_get_dirname(setting->file);
    char *real = realpath(dir, NULL); /* "..": from where the recipe is, not from a link to it */
    char *resolved = g_canonicalize_filename(path, real);
    free(real);
    return resolved;
}

static const CcbField *find(const CcbField *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static bool fail_unknown(const CcbNode *key, const CcbField *fields, const char *what,
                         GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const CcbField *f = fields; f->name != NULL; f++)
        g_ptr_array_add(names, (char *)f->name);
    g_ptr_array_add(names, NULL);
    ccb_node_fail(key, error, "%s has no key \"%s\"", what, key->text);
    const char *meant = ccb_did_you_mean(key->text, (const char *const *)names->pdata);
    if (meant)
        return ccb_hint(error, "did you mean \"%s\"?", meant);
    g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
    return ccb_hint(error, all[0] ? "keys of %s: %s" : "%s has no keys%s", what, all);
}

static bool fail_type(const CcbNode *node, const char *key, const char *wanted, GError **error)
{
    static const char *const found[] = {"a value", "a list", "a map"};
    return ccb_node_fail(node, error, "\"%s\": expected %s, found %s", key, wanted,
                         ccb_node_is_null(node) ? "nothing" : found[node->type]);
}

static bool check_string(const CcbNode *node, const char *key, GError **error)
{
    if (node->type != CCB_NODE_SCALAR || ccb_node_is_null(node))
        return fail_type(node, key, "a value", error);
    return true;
}

static bool check_number(const CcbNode *node, const char *key, GError **error)
{
    guint64 number;
    if (node->type != CCB_NODE_SCALAR ||
        !g_ascii_string_to_unsigned(node->text, 10, 0, G_MAXUINT64, &number, NULL))
        return node->type == CCB_NODE_SCALAR
                   ? ccb_node_fail(node, error, "\"%s\": expected a whole number, found \"%s\"",
                                   key, node->text)
                   : fail_type(node, key, "a whole number", error);
    return true;
}

static bool check_bool(const CcbNode *node, const char *key, GError **error)
{
    if (node->type == CCB_NODE_SCALAR &&
        (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
        return true;
    return node->type == CCB_NODE_SCALAR
               ? ccb_node_fail(node, error, "\"%s\": expected true or false, found \"%s\"", key,
                               node->text)
               : fail_type(node, key, "true or false", error);
}

static bool check_strings(const CcbNode *node, const char *key, GError **error)
{
    if (node->type == CCB_NODE_SCALAR)
        return check_string(node, key, error);
    if (node->type != CCB_NODE_LIST)
        return fail_type(node, key, "a list", error);
    for (guint i = 0; i < node->items->len; i++)
        if (!check_string(node->items->pdata[i], key, error))
            return false;
    return true;
}

static bool check_commands(const CcbNode *node, const char *key, GError **error)
{
    if (node->type != CCB_NODE_LIST)
        return fail_type(node, key, "a list of commands", error);
    for (guint i = 0; i < node->items->len; i++) {
        const CcbNode *command = node->items->pdata[i];
        if (command->type != CCB_NODE_LIST || command->items->len == 0)
            return fail_type(command, key, "a command as a list of words", error);
        if (!check_strings(command, key, error))
            return false;
    }
    return true;
}

static bool check_maps(const CcbNode *node, const CcbField *field, GError **error)
{
    if (node->type != CCB_NODE_LIST)
        return fail_type(node, field->name, "a list", error);
    for (guint i = 0; i < node->items->len; i++)
        if (!ccb_schema_check(node->items->pdata[i], field->fields, field->name, error))
            return false;
    return true;
}

static bool check_named(const CcbNode *node, const CcbField *field, GError **error)
{
    if (node->type != CCB_NODE_MAP)
        return fail_type(node, field->name, "a map", error);
    for (guint i = 0; i < node->items->len; i++) {
        const CcbNode *item = node->items->pdata[i];
        const char *name = ((CcbNode *)node->keys->pdata[i])->text;
        bool ok = field->type == CCB_FIELD_NAMED ? check_string(item, name, error)
                  : field->type == CCB_FIELD_NAMED_LISTS
                      ? check_strings(item, name, error)
                      : ccb_schema_check(item, field->fields, name, error);
        if (!ok)
            return false;
    }
    return true;
}

static bool check_value(const CcbNode *node, const CcbField *field, GError **error)
{
    switch (field->type) {
    case CCB_FIELD_STRING:
    case CCB_FIELD_PAYLOAD:
    case CCB_FIELD_TREE:
        return check_string(node, field->name, error);
    case CCB_FIELD_NUMBER:
        return check_number(node, field->name, error);
    case CCB_FIELD_BOOL:
        return check_bool(node, field->name, error);
    case CCB_FIELD_STRINGS:
    case CCB_FIELD_PAYLOADS:
    case CCB_FIELD_FILES:
        return check_strings(node, field->name, error);
    case CCB_FIELD_COMMANDS:
        return check_commands(node, field->name, error);
    case CCB_FIELD_MAP:
        return ccb_schema_check(node, field->fields, field->name, error);
    case CCB_FIELD_MAPS:
        return check_maps(node, field, error);
    case CCB_FIELD_NAMED:
    case CCB_FIELD_NAMED_MAPS:
    case CCB_FIELD_NAMED_LISTS:
        return check_named(node, field, error);
    case CCB_FIELD_STEPS:
        return node->type == CCB_NODE_LIST ||
               fail_type(node, field->name, "a list of steps", error);
    }
    return ccb_fail(error, CCB_ERR_INTERNAL, "field %s has no type", field->name);
}

static bool check_choices(const CcbNode *node, const CcbField *field, GError **error)
{
    if (field->choices == NULL)
        return true;
    g_auto(GStrv) choices = g_strsplit(field->choices, "|", -1);
    guint n = node->type == CCB_NODE_LIST ? node->items->len : 1;
    for (guint i = 0; i < n; i++) {
        const CcbNode *item = node->type == CCB_NODE_LIST ? node->items->pdata[i] : node;
        if (!g_strv_contains((const char *const *)choices, item->text))
            return ccb_node_fail(item, error, "\"%s\": \"%s\" is not one of %s", field->name,
                                 item->text, field->choices);
    }
    return true;
}

bool ccb_schema_check(const CcbNode *map, const CcbField *fields, const char *what, GError **error)
{
    if (map->type != CCB_NODE_MAP && !ccb_node_is_null(map))
        return fail_type(map, what, "a map", error);
    for (guint i = 0; map->type == CCB_NODE_MAP && i < map->keys->len; i++) {
        const CcbNode *key = map->keys->pdata[i];
        const CcbField *field = find(fields, key->text);
        if (field == NULL)
            return fail_unknown(key, fields, what, error);
        if (!check_value(map->items->pdata[i], field, error) ||
            !check_choices(map->items->pdata[i], field, error))
            return false;
    }
    for (; fields->name != NULL; fields++)
        if (fields->required && ccb_node_get(map, fields->name) == NULL)
            return ccb_node_fail(map, error, "%s needs \"%s\" (%s)", what, fields->name,
                                 fields->help);
    return true;
}

static json_t *type_schema(const CcbField *field, json_t *steps)
{
    json_t *string = json_pack("{ss}", "type", "string");
    json_t *result = NULL;
    switch (field->type) {
    case CCB_FIELD_STRING:
    case CCB_FIELD_TREE:
    case CCB_FIELD_PAYLOAD: /* an unquoted version such as 12.4 is a number to an editor */
        result = json_pack("{s[sss]}", "type", "string", "number", "boolean");
        break;
    case CCB_FIELD_NUMBER:
        result = json_pack("{s[ss]}", "type", "integer", "string"); /* or a variable */
        break;
    case CCB_FIELD_BOOL:
        result = json_pack("{s[ss]}", "type", "boolean", "string"); /* or a variable */
        break;
    case CCB_FIELD_STRINGS:
    case CCB_FIELD_PAYLOADS:
    case CCB_FIELD_FILES:
        result = json_pack("{s[ss]s{s[ss]}}", "type", "array", "string", "items", "type", "string",
                           "number");
        break;
    case CCB_FIELD_COMMANDS:
        result =
            json_pack("{sss{sssO}}", "type", "array", "items", "type", "array", "items", string);
        break;
    case CCB_FIELD_MAP:
        result = ccb_schema_to_json(field->fields, steps);
        break;
    case CCB_FIELD_MAPS:
        result =
            json_pack("{ssso}", "type", "array", "items", ccb_schema_to_json(field->fields, steps));
        break;
    case CCB_FIELD_NAMED:
        result = json_pack("{sss{s[sss]}}", "type", "object", "additionalProperties", "type",
                           "string", "number", "boolean");
        break;
    case CCB_FIELD_NAMED_LISTS:
        result = json_pack("{sss{ss}}", "type", "object", "additionalProperties", "type", "array");
        break;
    case CCB_FIELD_NAMED_MAPS:
        result = json_pack("{ssso}", "type", "object", "additionalProperties",
                           ccb_schema_to_json(field->fields, steps));
        break;
    case CCB_FIELD_STEPS:
        result = json_pack("{sssO}", "type", "array", "items", steps);
        break;
    }
    json_decref(string);
    return result;
}

static json_t *choices_schema(const char *choices)
{
    json_t *list = json_array();
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);
    for (char **word = words; *word != NULL; word++) {
        guint64 number;
        json_array_append_new(list,
                              g_ascii_string_to_unsigned(*word, 10, 0, G_MAXUINT, &number, NULL)
                                  ? json_integer((json_int_t)number)
                                  : json_string(*word));
    }
    return list;
}

json_t *ccb_schema_to_json(const CcbField *fields, json_t *steps)
{
    json_t *properties = json_object(), *required = json_array();
    for (; fields->name != NULL; fields++) {
        json_t *schema = type_schema(fields, steps);
        json_object_set_new(schema, "description", json_string(fields->help));
        if (fields->choices &&
            (fields->type == CCB_FIELD_STRING || fields->type == CCB_FIELD_NUMBER))
            json_object_set_new(schema, "enum", choices_schema(fields->choices));
        json_object_set_new(properties, fields->name, schema);
        if (fields->required)
            json_array_append_new(required, json_string(fields->name));
    }
    json_t *result = json_pack("{sssbso}", "type", "object", "additionalProperties", 0,
                               "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(result, "required", required);
    json_decref(required);
    return result;
}
