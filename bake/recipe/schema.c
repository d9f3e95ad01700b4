/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/schema.h"

#include <string.h>

#include "base/text.h"

char *ccb_schema_host_path(const CcbNode *setting, const char *path)
{
    g_autofree char *dir = g_path_get_dirname(setting->file);
    char *real = realpath(dir, NULL); /* "..": from where the recipe is, not from a link to it */
    char *resolved = g_canonicalize_filename(path, real);
    free(real);
    return resolved;
}

char **ccb_schema_host_paths(const CcbNode *map, const char *key)
{
    char **words = ccb_node_get_strings(map, key);
    for (char **word = words; *word != NULL; word++) {
        char *path = ccb_schema_host_path(ccb_node_get(map, key), *word);
        g_free(*word);
        *word = path;
    }
    return words;
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
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    g_autofree char *all =
        g_strdup_printf(list[0] ? "keys of %s: %s" : "%s has no keys%s", what, list);
    return ccb_hint_name(error, key->text, (const char *const *)names->pdata, all);
}

static bool fail_type(const CcbNode *node, const char *key, const char *wanted, GError **error)
{
    static const char *const found[] = {"a value", "a list", "a map"};
    return ccb_node_fail(node, error, "\"%s\": expected %s, found %s", key, wanted,
                         ccb_node_is_null(node) ? "nothing" : found[node->type]);
}

static bool check_string(const CcbNode *node, const char *key, GError **error)
{
    return (node->type == CCB_NODE_SCALAR && !ccb_node_is_null(node)) ||
           fail_type(node, key, "a value", error);
}

/* A scalar that has to be a number, or true or false. */
static bool check_scalar(const CcbNode *node, const char *key, bool is_right, const char *wanted,
                         GError **error)
{
    if (node->type != CCB_NODE_SCALAR)
        return fail_type(node, key, wanted, error);
    return is_right ||
           ccb_node_fail(node, error, "\"%s\": expected %s, found \"%s\"", key, wanted, node->text);
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

/* What was probably meant by a command in one text. */
static bool hint_words(const char *text, GError **error)
{
    bool needs_shell = strpbrk(text, "\n\"'\\`$&|;<>()*?[]{}#~") != NULL;
    g_autofree char *plain = g_strjoinv(" ", (char *[]){(char *)text, NULL});
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(plain), " \t", -1);
    g_autofree char *list = g_strjoinv(", ", words);
    json_auto_t *json = json_string(text);
    char *quoted = json_dumps(json, JSON_ENCODE_ANY);
    if (words[0] != NULL && words[1] == NULL && !needs_shell)
        ccb_hint(error, "a command is a list of words: [%s]", list);
    else if (needs_shell)
        ccb_hint(error, "a command is a list of words; a shell takes a text: [sh, -c, %s]", quoted);
    else
        ccb_hint(error, "a command is a list of words: [%s]; a shell takes a text: [sh, -c, %s]",
                 list, quoted);
    free(quoted);
    return false;
}

static bool check_command(const CcbNode *node, const char *key, GError **error)
{
    if (node->type != CCB_NODE_LIST) {
        fail_type(node, key, "a command as a list of words", error);
        return node->type == CCB_NODE_SCALAR && node->text[0] != '\0'
                   ? hint_words(node->text, error)
                   : false;
    }
    if (node->items->len == 0)
        return ccb_node_fail(node, error, "\"%s\": a command has no words", key);
    if (!check_strings(node, key, error))
        return false;
    const CcbNode *word = node->items->pdata[0];
    if (node->items->len > 1 || strpbrk(word->text, " \t\n") == NULL)
        return true;
    ccb_node_fail(word, error, "\"%s\": \"%s\" is one word, the name of a program", key,
                  word->text);
    return hint_words(word->text, error);
}

/* Whether each item of a list or map is as the field wants it. */
static bool check_items(const CcbNode *node, const CcbField *field, GError **error)
{
    for (guint i = 0; i < node->items->len; i++) {
        const CcbNode *item = node->items->pdata[i];
        const char *name =
            node->type == CCB_NODE_MAP ? ((CcbNode *)node->keys->pdata[i])->text : field->name;
        bool ok = true;
        if (field->type == CCB_FIELD_COMMANDS)
            ok = check_command(item, name, error);
        else if (field->type == CCB_FIELD_NAMED)
            ok = check_string(item, name, error);
        else if (field->type == CCB_FIELD_NAMED_LISTS)
            ok = check_strings(item, name, error);
        else if (field->type == CCB_FIELD_NAMED_SETTINGS)
            ok = item->type == CCB_NODE_MAP || fail_type(item, name, "a map of settings", error);
        else if (field->type != CCB_FIELD_NAMED_STEPS)
            ok = ccb_schema_check(item, field->fields, name, error);
        if (!ok)
            return false;
    }
    return true;
}

static bool check_value(const CcbNode *node, const CcbField *field, GError **error)
{
    const char *key = field->name, *text = node->text;
    switch (field->type) {
    case CCB_FIELD_STRING:
    case CCB_FIELD_PAYLOAD:
    case CCB_FIELD_TREE:
    case CCB_FIELD_FILE:
        return check_string(node, key, error);
    case CCB_FIELD_NUMBER:
        return check_scalar(
            node, key, text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, NULL, NULL),
            "a whole number", error);
    case CCB_FIELD_BOOL:
        return check_scalar(node, key,
                            g_strcmp0(text, "true") == 0 || g_strcmp0(text, "false") == 0,
                            "true or false", error);
    case CCB_FIELD_STRINGS:
    case CCB_FIELD_PAYLOADS:
    case CCB_FIELD_FILES:
        return check_strings(node, key, error);
    case CCB_FIELD_MAP:
        return ccb_schema_check(node, field->fields, key, error);
    case CCB_FIELD_COMMANDS:
    case CCB_FIELD_MAPS:
    case CCB_FIELD_STEPS:
        if (node->type != CCB_NODE_LIST)
            return fail_type(node, key,
                             field->type == CCB_FIELD_COMMANDS ? "a list of commands"
                             : field->type == CCB_FIELD_STEPS  ? "a list of steps"
                                                               : "a list",
                             error);
        return field->type == CCB_FIELD_STEPS || check_items(node, field, error);
    case CCB_FIELD_NAMED:
    case CCB_FIELD_NAMED_MAPS:
    case CCB_FIELD_NAMED_LISTS:
    case CCB_FIELD_NAMED_STEPS:
    case CCB_FIELD_NAMED_SETTINGS:
        return node->type == CCB_NODE_MAP ? check_items(node, field, error)
                                          : fail_type(node, key, "a map", error);
    }
    return ccb_fail(error, CCB_ERR_INTERNAL, "field %s has no type", key);
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

/* --- values */

/* The words of a list; files of the host as absolute paths. */
static char **read_strings(const CcbNode *map, const CcbField *field)
{
    const CcbNode *node = ccb_node_get(map, field->name);
    if (node == NULL)
        return field->preset != NULL ? g_strsplit(field->preset, " ", -1) : g_new0(char *, 1);
    return field->type == CCB_FIELD_FILES ? ccb_schema_host_paths(map, field->name)
                                          : ccb_node_get_strings(map, field->name);
}

static GPtrArray *read_commands(const CcbNode *node)
{
    GPtrArray *commands = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    for (guint i = 0; node != NULL && i < node->items->len; i++) {
        const CcbNode *words = node->items->pdata[i];
        char **command = g_new0(char *, words->items->len + 1);
        for (guint j = 0; j < words->items->len; j++)
            command[j] = g_strdup(((const CcbNode *)words->items->pdata[j])->text);
        g_ptr_array_add(commands, command);
    }
    return commands;
}

void *ccb_schema_read(const CcbNode *map, const CcbField *fields, size_t size)
{
    char *settings = g_malloc0(size);
    for (const CcbField *field = fields; field->name != NULL; field++) {
        const CcbNode *node = ccb_node_get(map, field->name);
        const char *text = node != NULL ? node->text : field->preset;
        void *member = settings + field->offset;
        switch (field->type) {
        case CCB_FIELD_STRING:
        case CCB_FIELD_PAYLOAD:
            *(char **)member = g_strdup(text);
            break;
        case CCB_FIELD_TREE:
        case CCB_FIELD_FILE:
            *(char **)member = node != NULL ? ccb_schema_host_path(node, text) : NULL;
            break;
        case CCB_FIELD_NUMBER:
            *(unsigned *)member =
                text != NULL ? (unsigned)MIN(g_ascii_strtoull(text, NULL, 10), G_MAXUINT) : 0;
            break;
        case CCB_FIELD_BOOL:
            *(bool *)member = g_strcmp0(text, "true") == 0;
            break;
        case CCB_FIELD_STRINGS:
        case CCB_FIELD_PAYLOADS:
        case CCB_FIELD_FILES:
            *(char ***)member = read_strings(map, field);
            break;
        case CCB_FIELD_COMMANDS:
            *(GPtrArray **)member = read_commands(node);
            break;
        case CCB_FIELD_MAP:
            *(void **)member = node ? ccb_schema_read(node, field->fields, field->size) : NULL;
            break;
        case CCB_FIELD_MAPS: {
            GPtrArray *list = *(GPtrArray **)member = g_ptr_array_new();
            for (guint i = 0; node != NULL && i < node->items->len; i++)
                g_ptr_array_add(list,
                                ccb_schema_read(node->items->pdata[i], field->fields, field->size));
            break;
        }
        case CCB_FIELD_NAMED:
        case CCB_FIELD_NAMED_MAPS:
        case CCB_FIELD_NAMED_LISTS:
            *(const CcbNode **)member = node;
            break;
        case CCB_FIELD_STEPS:
        case CCB_FIELD_NAMED_STEPS:
        case CCB_FIELD_NAMED_SETTINGS:
            break;
        }
    }
    return settings;
}

void ccb_schema_free(void *settings, const CcbField *fields)
{
    if (settings == NULL)
        return;
    for (const CcbField *field = fields; field->name != NULL; field++) {
        void *member = (char *)settings + field->offset;
        switch (field->type) {
        case CCB_FIELD_STRING:
        case CCB_FIELD_PAYLOAD:
        case CCB_FIELD_TREE:
        case CCB_FIELD_FILE:
            g_free(*(char **)member);
            break;
        case CCB_FIELD_STRINGS:
        case CCB_FIELD_PAYLOADS:
        case CCB_FIELD_FILES:
            g_strfreev(*(char ***)member);
            break;
        case CCB_FIELD_MAP:
            ccb_schema_free(*(void **)member, field->fields);
            break;
        case CCB_FIELD_MAPS: {
            GPtrArray *list = *(GPtrArray **)member;
            for (guint i = 0; i < list->len; i++)
                ccb_schema_free(list->pdata[i], field->fields);
            g_ptr_array_unref(list);
            break;
        }
        case CCB_FIELD_COMMANDS:
            g_ptr_array_unref(*(GPtrArray **)member);
            break;
        default:
            break;
        }
    }
    g_free(settings);
}

char *ccb_field_help(const CcbField *field)
{
    return field->preset != NULL ? g_strdup_printf("%s; default: %s", field->help, field->preset)
                                 : g_strdup(field->help);
}

/* --- JSON Schema */

static json_t *type_schema(const CcbField *field, json_t *steps)
{
    switch (field->type) {
    case CCB_FIELD_STRING:
    case CCB_FIELD_TREE:
    case CCB_FIELD_FILE:
    case CCB_FIELD_PAYLOAD: /* an unquoted version such as 12.4 is a number to an editor */
        return json_pack("{s[sss]}", "type", "string", "number", "boolean");
    case CCB_FIELD_NUMBER:
        return json_pack("{s[ss]}", "type", "integer", "string"); /* or a variable */
    case CCB_FIELD_BOOL:
        return json_pack("{s[ss]}", "type", "boolean", "string"); /* or a variable */
    case CCB_FIELD_STRINGS:
    case CCB_FIELD_PAYLOADS:
    case CCB_FIELD_FILES:
        return json_pack("{s[ss]s{s[ss]}}", "type", "array", "string", "items", "type", "string",
                         "number");
    case CCB_FIELD_COMMANDS:
        return json_pack("{sss{sss{ss}}}", "type", "array", "items", "type", "array", "items",
                         "type", "string");
    case CCB_FIELD_MAP:
        return ccb_schema_to_json(field->fields, steps);
    case CCB_FIELD_MAPS:
        return json_pack("{ssso}", "type", "array", "items",
                         ccb_schema_to_json(field->fields, steps));
    case CCB_FIELD_NAMED:
        return json_pack("{sss{s[sss]}}", "type", "object", "additionalProperties", "type",
                         "string", "number", "boolean");
    case CCB_FIELD_NAMED_LISTS:
        return json_pack("{sss{ss}}", "type", "object", "additionalProperties", "type", "array");
    case CCB_FIELD_NAMED_MAPS:
        return json_pack("{ssso}", "type", "object", "additionalProperties",
                         ccb_schema_to_json(field->fields, steps));
    case CCB_FIELD_NAMED_STEPS:
        return json_pack("{sssO}", "type", "object", "additionalProperties", steps);
    case CCB_FIELD_NAMED_SETTINGS:
        return json_pack("{sss{ss}}", "type", "object", "additionalProperties", "type", "object");
    case CCB_FIELD_STEPS: {
        if (field->fields == NULL)
            return json_pack("{sssO}", "type", "array", "items", steps);
        json_t *both = ccb_schema_to_json(field->fields, steps); /* "items" is of lists only */
        json_object_set_new(both, "type", json_pack("[ss]", "array", "object"));
        json_object_set(both, "items", steps);
        return both;
    }
    }
    return NULL;
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
                              : strcmp(*word, "true") == 0  ? json_true()
                              : strcmp(*word, "false") == 0 ? json_false()
                                                            : json_string(*word));
    }
    return list;
}

json_t *ccb_schema_to_json(const CcbField *fields, json_t *steps)
{
    json_t *properties = json_object();
    json_auto_t *required = json_array();
    for (; fields->name != NULL; fields++) {
        json_t *schema = type_schema(fields, steps);
        g_autofree char *help = ccb_field_help(fields);
        json_object_set_new(schema, "description", json_string(help));
        if (fields->choices &&
            (fields->type == CCB_FIELD_STRING || fields->type == CCB_FIELD_NUMBER))
            json_object_set_new(schema, "enum", choices_schema(fields->choices));
        json_object_set_new(properties, fields->name, schema);
        if (fields->required)
            json_array_append_new(required, json_string(fields->name));
    }
    return json_pack("{s:s, s:b, s:o, s:O*}", "type", "object", "additionalProperties", 0,
                     "properties", properties, "required",
                     json_array_size(required) > 0 ? required : NULL);
}
