/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/own-check.h"

#include <string.h>

#include "base/digest.h"
#include "recipe/attributes.h"

static const CcbField file_fields[] = {
    CCB_SETTING(CcbOwnFile, path, "path", STRING, "absolute path in the image", .required = true),
    CCB_SETTING(CcbOwnFile, exists, "exists", BOOL, "false: nothing stands there",
                .preset = "true"),
    CCB_SETTING(CcbOwnFile, type, "type", STRING, "what stands there",
                .choices = "file|directory|link"),
    CCB_SETTING(CcbOwnFile, mode, "mode", STRING, "its octal mode"),
    CCB_SETTING(CcbOwnFile, owner, "owner", STRING, "its UID:GID as numbers"),
    CCB_SETTING(CcbOwnFile, sha256, "sha256", STRING, "digest of its content"),
    CCB_SETTING(CcbOwnFile, contains, "contains", STRING, "text in it"),
    CCB_SETTING(CcbOwnFile, matches, "matches", STRING,
                "regular expression that something in it matches"),
    {0},
};

static const CcbField unit_fields[] = {
    CCB_SETTING(CcbOwnUnit, name, "name", STRING, "the unit, which the image must have",
                .required = true),
    CCB_SETTING(CcbOwnUnit, enabled, "enabled", STRING, "whether another unit starts it",
                .choices = "true|false|masked"),
    CCB_SETTING(CcbOwnUnit, after, "after", STRINGS, "units that it starts after"),
    CCB_SETTING(CcbOwnUnit, before, "before", STRINGS, "units that start after it"),
    {0},
};

static const CcbField package_fields[] = {
    CCB_SETTING(CcbOwnPackage, name, "name", STRING, "name of the package, or name.arch",
                .required = true),
    CCB_SETTING(CcbOwnPackage, version, "version", STRING,
                "its version, as \"1.2-3\" or \">= 1.2\""),
    CCB_SETTING(CcbOwnPackage, absent, "absent", BOOL, "true: it is not installed"),
    {0},
};

static const CcbField argument_fields[] = {
    CCB_SETTING(CcbOwnArgument, name, "name", STRING, "name of the argument", .required = true),
    CCB_SETTING(CcbOwnArgument, value, "value", STRING, "its value; default: any, or none"),
    CCB_SETTING(CcbOwnArgument, absent, "absent", BOOL, "true: no boot entry has it"),
    {0},
};

static const CcbField command_fields[] = {
    CCB_SETTING(CcbOwnCommand, run, "run", STRINGS, "the command as a list of words",
                .required = true),
    CCB_SETTING(CcbOwnCommand, status, "status", NUMBER, "its exit status", .preset = "0"),
    CCB_SETTING(CcbOwnCommand, contains, "output-contains", STRING, "text in its standard output"),
    CCB_SETTING(CcbOwnCommand, matches, "output-matches", STRING,
                "regular expression that something in its standard output matches"),
    CCB_SETTING(CcbOwnCommand, limit, "limit", NUMBER, "seconds it may take", .preset = "60"),
    {0},
};

#define KIND(member, name, help, Struct)                                                           \
    CCB_SETTING(CcbOwnCheck, member, name, MAP, help, .fields = member##_fields,                   \
                .size = sizeof(Struct))

const CcbField ccb_own_check_fields[] = {
    CCB_SETTING(CcbOwnCheck, name, "name", STRING, "the check is own.NAME", .required = true),
    CCB_SETTING(CcbOwnCheck, why, "why", STRING, "why it matters, for the report"),
    CCB_SETTING(CcbOwnCheck, remedy, "remedy", STRING, "what to do where it fails"),
    CCB_SETTING(CcbOwnCheck, severity, "severity", STRING,
                "warn: a failure does not fail the image", .choices = "error|warn",
                .preset = "error"),
    KIND(file, "file", "a file of the image", CcbOwnFile),
    KIND(unit, "unit", "a systemd unit", CcbOwnUnit),
    KIND(package, "package", "an RPM package", CcbOwnPackage),
    KIND(argument, "kernel-argument", "an argument of the kernel", CcbOwnArgument),
    KIND(command, "command", "a command that runs in a throw-away copy of the image",
         CcbOwnCommand),
    {0},
};

static void own_check_free(gpointer data)
{
    CcbOwnCheck *check = data;
    g_free(check->id);
    g_free(check->problem);
    json_decref(check->definition);
    ccb_schema_free(check, ccb_own_check_fields);
}

static GPtrArray *checks_new(void)
{
    return g_ptr_array_new_with_free_func(own_check_free);
}

/* --- what the schema can't say; `node` is the map of the kind */

static bool check_regex(const CcbNode *node, const char *key, const char *regex, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (regex == NULL)
        return true;
    g_autoptr(GRegex) compiled = g_regex_new(regex, CCB_OWN_REGEX, 0, &reason);
    return compiled != NULL ||
           ccb_node_fail(ccb_node_get(node, key), error, "\"%s\": %s", key, reason->message);
}

static bool check_file(const CcbOwnFile *f, const CcbNode *node, GError **error)
{
    static const char *const content[] = {"sha256", "contains", "matches"};
    g_autofree char *plain = g_canonicalize_filename(f->path, "/");
    if (f->path[0] != '/' || strcmp(plain, f->path) != 0)
        return ccb_node_fail(ccb_node_get(node, "path"), error,
                             "\"path\": \"%s\" is not an absolute path without \"..\", \"//\" and "
                             "a slash at its end",
                             f->path);
    for (guint i = 0; !f->exists && i < node->keys->len; i++) {
        const CcbNode *key = node->keys->pdata[i];
        if (strcmp(key->text, "path") != 0 && strcmp(key->text, "exists") != 0)
            return ccb_node_fail(key, error, "\"%s\" can't be together with \"exists: false\"",
                                 key->text);
    }
    for (guint i = 0; i < G_N_ELEMENTS(content); i++) {
        const CcbNode *key = ccb_node_get(node, content[i]);
        if (key != NULL && f->type != NULL && strcmp(f->type, "file") != 0)
            return ccb_node_fail(key, error, "\"%s\": a %s has no content", content[i], f->type);
    }
    if (f->sha256 != NULL && !ccb_digest_is_valid(f->sha256))
        return ccb_node_fail(ccb_node_get(node, "sha256"), error,
                             "\"sha256\": expected 64 lower-case hexadecimal digits");
    return ccb_attributes_check(node, error) && check_regex(node, "matches", f->matches, error);
}

static bool check_unit_names(const CcbNode *node, const char *key, GError **error)
{
    g_auto(GStrv) names = ccb_node_get_strings(node, key);
    for (char **name = names; *name != NULL; name++)
        if (!ccb_check_unit_name(ccb_node_get(node, key), key, *name, error))
            return false;
    return true;
}

static bool check_package(const CcbOwnPackage *p, const CcbNode *node, GError **error)
{
    static const char condition[] = "^(>=|<=|>|<|=)? *[0-9A-Za-z][0-9A-Za-z.+~^_:-]*$";
    const CcbNode *version = ccb_node_get(node, "version");
    if (version == NULL)
        return true;
    if (p->absent)
        return ccb_node_fail(version, error, "\"version\": an absent package has none");
    if (g_regex_match_simple(condition, p->version, 0, 0))
        return true;
    ccb_node_fail(version, error, "\"version\": \"%s\" is not a version", p->version);
    return ccb_hint(error, "write 1.2, 1.2-3 or 1:1.2-3, or a comparison, as in \">= 1.2\"");
}

static bool check_argument(const CcbOwnArgument *a, const CcbNode *node, GError **error)
{
    if (a->name[0] == '\0' || strpbrk(a->name, "= \t\n\"") != NULL)
        return ccb_node_fail(ccb_node_get(node, "name"), error,
                             "\"name\": \"%s\" is not the name of one argument", a->name);
    if (a->absent && a->value != NULL)
        return ccb_node_fail(ccb_node_get(node, "value"), error,
                             "\"value\": an absent argument has none");
    return true;
}

static bool check_command(const CcbOwnCommand *c, const CcbNode *node, GError **error)
{
    if (c->run[0] == NULL || c->run[0][0] == '\0')
        return ccb_node_fail(ccb_node_get(node, "run"), error, "\"run\": a command has no words");
    if (ccb_node_get(node, "run")->type != CCB_NODE_LIST && strchr(c->run[0], ' ') != NULL) {
        ccb_node_fail(ccb_node_get(node, "run"), error, "\"run\": expected a list of words");
        return ccb_hint(error, "for a shell, write [sh, -c, \"...\"]");
    }
    /* 127 is what a shell ends with where there is no such command: never what is asked for. */
    if (c->status > 126)
        return ccb_node_fail(ccb_node_get(node, "status"), error,
                             "\"status\": expected 0 to 126, found %u", c->status);
    return check_regex(node, "output-matches", c->matches, error);
}

/* The name is part of an id, which people give to other programs. */
static bool is_name(const char *name)
{
    return name != NULL &&
           g_regex_match_simple("^[a-z0-9][a-z0-9._-]*$", name, G_REGEX_DOLLAR_ENDONLY, 0);
}

static bool check_name(const CcbOwnCheck *check, const CcbNode *node, GError **error)
{
    if (is_name(check->name))
        return true;
    ccb_node_fail(ccb_node_get(node, "name"), error, "\"name\": \"%s\" can't be part of an id",
                  check->name);
    return ccb_hint(error, "use lower-case letters, digits, \".\", \"_\" and \"-\"");
}

static bool check_kind(const CcbOwnCheck *check, const CcbNode *node, GError **error)
{
    static const char *const kinds[] = {"file",    "unit", "package", "kernel-argument",
                                        "command", NULL};
    const CcbNode *kind = NULL;
    for (const char *const *name = kinds; *name != NULL; name++) {
        const CcbNode *found = ccb_node_get(node, *name);
        if (found != NULL && kind != NULL)
            return ccb_node_fail(found, error, "the check \"%s\" has two kinds: make it two checks",
                                 check->name);
        kind = found != NULL ? found : kind;
    }
    if (kind == NULL || kind->type != CCB_NODE_MAP) {
        g_autofree char *all = g_strjoinv(", ", (char **)kinds);
        ccb_node_fail(node, error, "the check \"%s\" does not say what it looks at", check->name);
        return ccb_hint(error, "give it one of %s", all);
    }
    if (check->file != NULL)
        return check_file(check->file, kind, error);
    if (check->unit != NULL)
        return check_unit_names(kind, "name", error) && check_unit_names(kind, "after", error) &&
               check_unit_names(kind, "before", error);
    if (check->package != NULL)
        return check_package(check->package, kind, error);
    if (check->argument != NULL)
        return check_argument(check->argument, kind, error);
    return check_command(check->command, kind, error);
}

/* --- reading */

static CcbOwnCheck *read_check(const CcbNode *node, GError **error)
{
    CcbOwnCheck *check = ccb_schema_read(node, ccb_own_check_fields, sizeof *check);
    check->id = g_strconcat("own.", check->name, NULL);
    if (check_name(check, node, error) && check_kind(check, node, error))
        return check;
    own_check_free(check);
    return NULL;
}

GPtrArray *ccb_own_checks_read(const CcbNode *list, GError **error)
{
    g_autoptr(GPtrArray) checks = checks_new();
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; list != NULL && i < list->items->len; i++) {
        const CcbNode *node = list->items->pdata[i];
        CcbOwnCheck *check = read_check(node, error);
        if (check == NULL)
            return NULL;
        check->definition = ccb_node_to_json(node);
        g_ptr_array_add(checks, check);
        if (!g_hash_table_add(ids, check->id)) {
            ccb_node_fail(ccb_node_get(node, "name"), error,
                          "\"checks\": there are two with the name \"%s\"", check->name);
            return NULL;
        }
    }
    return g_steal_pointer(&checks);
}

GPtrArray *ccb_own_checks_from_json(const json_t *list)
{
    size_t i;
    json_t *definition;
    GPtrArray *checks = checks_new();
    json_array_foreach(list, i, definition)
    {
        g_autoptr(GError) reason = NULL;
        g_autoptr(CcbNode) node = ccb_node_from_json(definition, "manifest");
        CcbOwnCheck *check = ccb_schema_check(node, ccb_own_check_fields, "check", &reason)
                                 ? read_check(node, &reason)
                                 : NULL;
        if (check == NULL) {
            const char *name = json_string_value(json_object_get(definition, "name"));
            check = ccb_schema_read(NULL, ccb_own_check_fields, sizeof *check);
            check->id = g_strconcat("own.", is_name(name) ? name : "unknown", NULL);
            check->problem = g_strdup(reason->message);
        }
        check->definition = json_incref(definition);
        g_ptr_array_add(checks, check);
    }
    return checks;
}
