/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/modprobe.h"

#include <fnmatch.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct CcbModprobe {
    GPtrArray *rules;
};

static void rule_free(gpointer data)
{
    CcbModprobeRule *rule = data;
    g_free(rule->module);
    g_free(rule->arguments);
    g_free(rule->file);
    g_free(rule);
}

const char *const ccb_modprobe_dirs[] = {"etc/modprobe.d/", "usr/local/lib/modprobe.d/",
                                         "usr/lib/modprobe.d/", "lib/modprobe.d/", NULL};

static gint by_file_name(gconstpointer a, gconstpointer b)
{
    return strcmp(strrchr(*(char *const *)a, '/'), strrchr(*(char *const *)b, '/'));
}

GPtrArray *ccb_modprobe_order(const char *root, GHashTable *paths)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *ordered = g_ptr_array_new();
    for (const char *const *dir = ccb_modprobe_dirs; *dir != NULL; dir++) {
        g_autofree char *full = g_strconcat(root, *dir, NULL);
        GHashTableIter iter;
        gpointer path;
        g_hash_table_iter_init(&iter, paths);
        while (g_hash_table_iter_next(&iter, &path, NULL)) {
            char *name = (char *)path + strlen(full);
            if (g_str_has_prefix(path, full) && strchr(name, '/') == NULL &&
                g_hash_table_add(seen, name))
                g_ptr_array_add(ordered, path);
        }
    }
    g_ptr_array_sort(ordered, by_file_name);
    return ordered;
}

CcbModprobe *ccb_modprobe_new(void)
{
    CcbModprobe *config = g_new0(CcbModprobe, 1);
    config->rules = g_ptr_array_new_with_free_func(rule_free);
    return config;
}

void ccb_modprobe_free(CcbModprobe *config)
{
    if (config == NULL)
        return;
    g_ptr_array_unref(config->rules);
    g_free(config);
}

/* '-' to '_', except in the [...] of a pattern. */
static char *normalize(const char *name, size_t length)
{
    char *normal = g_strndup(name, length);
    bool bracket = false;
    for (char *at = normal; *at != '\0'; at++) {
        if (*at == '[' || *at == ']')
            bracket = *at == '[';
        else if (*at == '-' && !bracket)
            *at = '_';
    }
    return normal;
}

/* Adds the rule of one line, after continuation. */
static bool parse_line(CcbModprobe *config, char *text, const char *file, guint line,
                       GError **error)
{
    static const struct {
        const char *name;
        CcbModprobeKind kind;
        bool has_arguments;
    } commands[] = {
        {"alias", CCB_MODPROBE_ALIAS, true},     {"blacklist", CCB_MODPROBE_BLACKLIST, false},
        {"install", CCB_MODPROBE_INSTALL, true}, {"options", CCB_MODPROBE_OPTIONS, true},
        {"remove", CCB_MODPROBE_REMOVE, true},   {"softdep", CCB_MODPROBE_SOFTDEP, true},
    };
    const char *command = g_strstrip(text);
    const char *command_end = ccb_skip_word(command);
    const char *module = ccb_skip_space(command_end);
    const char *module_end = ccb_skip_word(module);
    const char *arguments = ccb_skip_space(module_end);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        size_t length = strlen(commands[i].name);
        if (length != (size_t)(command_end - command) ||
            memcmp(command, commands[i].name, length) != 0)
            continue;
        if (*module == '\0' || (commands[i].has_arguments && *arguments == '\0'))
            return ccb_fail(error, CCB_ERR_INPUT, "%s:%u: '%s' without its arguments", file, line,
                            commands[i].name);
        CcbModprobeRule *rule = g_new0(CcbModprobeRule, 1);
        *rule = (CcbModprobeRule){
            .kind = commands[i].kind,
            .module = normalize(module, (size_t)(module_end - module)),
            .arguments = g_strdup(arguments),
            .file = g_strdup(file),
            .line = line,
        };
        g_ptr_array_add(config->rules, rule);
    }
    return true;
}

bool ccb_modprobe_add(CcbModprobe *config, const char *data, size_t size, const char *file,
                      GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL) {
        g_prefix_error(error, "%s: ", file);
        return false;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    guint first = 0;
    for (guint i = 0; i < lines->len; i++) {
        const char *line = lines->pdata[i];
        if (text->len == 0)
            first = i + 1;
        size_t length = strcspn(line, "\r\n");
        bool continued = length > 0 && line[length - 1] == '\\' && i + 1 < lines->len;
        g_string_append_len(text, line, (gssize)length - (continued ? 1 : 0));
        if (continued)
            continue;
        if (!parse_line(config, text->str, file, first, error))
            return false;
        g_string_truncate(text, 0);
    }
    return true;
}

/* An alias is a pattern; elsewhere libkmod accepts one too, but compares literally for blacklist. */
GPtrArray *ccb_modprobe_find(const CcbModprobe *config, CcbModprobeKind kind, const char *module)
{
    g_autofree char *wanted = normalize(module, strlen(module));
    GPtrArray *found = g_ptr_array_new();
    for (guint i = 0; i < config->rules->len; i++) {
        CcbModprobeRule *rule = config->rules->pdata[i];
        if (rule->kind == kind &&
            (kind == CCB_MODPROBE_BLACKLIST ? strcmp(rule->module, wanted) == 0
                                            : fnmatch(rule->module, wanted, 0) == 0))
            g_ptr_array_add(found, rule);
    }
    return found;
}

bool ccb_modprobe_is_blacklisted(const CcbModprobe *config, const char *module)
{
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, CCB_MODPROBE_BLACKLIST, module);
    return rules->len > 0;
}

char *ccb_modprobe_option(const CcbModprobe *config, const char *module, const char *name)
{
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, CCB_MODPROBE_OPTIONS, module);
    char *value = NULL;
    for (guint i = 0; i < rules->len; i++) {
        const char *at = ((const CcbModprobeRule *)rules->pdata[i])->arguments;
        while (*at != '\0') {
            /* An option ends at white space outside double quotes, as the kernel splits parameters. */
            g_autoptr(GString) option = g_string_new(NULL);
            for (bool quoted = false; *at != '\0' && (quoted || !ccb_is_space(*at)); at++) {
                if (*at == '"')
                    quoted = !quoted;
                else
                    g_string_append_c(option, *at);
            }
            at = ccb_skip_space(at);
            size_t length = strcspn(option->str, "=");
            if (length == strlen(name) && memcmp(option->str, name, length) == 0) {
                g_free(value);
                value = g_strdup(option->str + length + (option->str[length] == '='));
            }
        }
    }
    return value;
}

const char *ccb_modprobe_install(const CcbModprobe *config, const char *module)
{
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, CCB_MODPROBE_INSTALL, module);
    return rules->len > 0 ? ((const CcbModprobeRule *)rules->pdata[0])->arguments : NULL;
}

GPtrArray *ccb_modprobe_softdeps(const CcbModprobe *config, const char *module, bool post)
{
    GPtrArray *modules = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, CCB_MODPROBE_SOFTDEP, module);
    if (rules->len == 0)
        return modules;
    const char *at = ((const CcbModprobeRule *)rules->pdata[0])->arguments;
    bool wanted = false;
    while (*at != '\0') {
        const char *end = ccb_skip_word(at);
        g_autofree char *word = g_strndup(at, (size_t)(end - at));
        if (g_str_has_suffix(word, ":"))
            wanted = strcmp(word, post ? "post:" : "pre:") == 0;
        else if (wanted)
            g_ptr_array_add(modules, normalize(word, strlen(word)));
        at = ccb_skip_space(end);
    }
    return modules;
}
