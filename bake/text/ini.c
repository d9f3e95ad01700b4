/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/ini.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* A section's header is one, too, with the key "". */
typedef struct {
    char *section, *key;
    GString *value;
    guint line; /* 0-based, where it begins */
} Value;

struct CcbIni {
    GPtrArray *values; /* Value, in the order of the file */
};

static void value_free(gpointer data)
{
    Value *value = data;
    g_free(value->section);
    g_free(value->key);
    g_string_free(value->value, TRUE);
    g_free(value);
}

void ccb_ini_free(CcbIni *ini)
{
    if (ini == NULL)
        return;
    g_ptr_array_unref(ini->values);
    g_free(ini);
}

static char *trimmed(const char *start, const char *end)
{
    return g_strstrip(g_strndup(start, (size_t)(end - start)));
}

static void continue_value(Value *value, const char *text)
{
    g_autofree char *more = trimmed(text, text + strlen(text));
    if (value->value->len > 0)
        g_string_append_c(value->value, ' ');
    g_string_append(value->value, more);
}

/* Takes `key`. */
static Value *new_value(CcbIni *ini, const char *section, char *key, const char *text, guint line)
{
    Value *value = g_new0(Value, 1);
    value->section = g_strdup(section);
    value->key = key;
    value->value = g_string_new(text);
    value->line = line;
    g_ptr_array_add(ini->values, value);
    return value;
}

static Value *add_value(CcbIni *ini, const char *section, const char *text, guint line,
                        GError **error)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        ccb_fail(error, CCB_ERR_INPUT, "expected key=value");
        return NULL;
    }
    g_autofree char *right = trimmed(equals + 1, text + strlen(text));
    return new_value(ini, section, trimmed(text, equals), right, line);
}

static bool set_section(CcbIni *ini, const char *text, char **section, guint line, GError **error)
{
    const char *end = strchr(text, ']');
    if (end == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "section header without ]");
    g_free(*section);
    *section = trimmed(text + 1, end);
    new_value(ini, *section, g_strdup(""), "", line);
    return true;
}

/* `*last` is the value that an indented line continues; none behind a section header. */
static bool parse_line(CcbIni *ini, const GPtrArray *lines, guint number, char **section,
                       Value **last, GError **error)
{
    const char *line = lines->pdata[number], *text = ccb_skip_space(line);
    if (*text == '\0' || *text == '#' || *text == ';')
        return true;
    if (text != line && *last != NULL) {
        continue_value(*last, text);
        return true;
    }
    if (*text == '[') {
        *last = NULL;
        return set_section(ini, text, section, number, error);
    }
    *last = add_value(ini, *section, text, number, error);
    return *last != NULL;
}

CcbIni *ccb_ini_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    g_autofree char *section = g_strdup("");
    Value *last = NULL;
    if (lines == NULL)
        return NULL;
    g_autoptr(CcbIni) ini = g_new0(CcbIni, 1);
    ini->values = g_ptr_array_new_with_free_func(value_free);
    for (guint i = 0; i < lines->len; i++)
        if (!parse_line(ini, lines, i, &section, &last, error)) {
            g_prefix_error(error, "line %u: ", i + 1);
            return NULL;
        }
    return g_steal_pointer(&ini);
}

static const Value *find(const CcbIni *ini, const char *section, const char *key)
{
    for (guint i = ini->values->len; i > 0; i--) {
        const Value *value = ini->values->pdata[i - 1];
        if (g_str_equal(value->section, section) && g_str_equal(value->key, key))
            return value;
    }
    return NULL;
}

const char *ccb_ini_get(const CcbIni *ini, const char *section, const char *key)
{
    const Value *value = find(ini, section, key);
    return value != NULL ? value->value->str : NULL;
}

bool ccb_ini_get_bool(const CcbIni *ini, const char *section, const char *key, bool fallback)
{
    static const char *const yes[] = {"1", "yes", "true", "on", NULL};
    const char *value = ccb_ini_get(ini, section, key);
    if (value == NULL)
        return fallback;
    g_autofree char *lower = g_ascii_strdown(value, -1);
    return g_strv_contains(yes, lower);
}

static bool has_word(const Value *value, const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(value->value->str, " \t,", -1);
    return g_strv_contains((const char *const *)words, word);
}

char *ccb_ini_add_word(const char *data, size_t size, const char *section, const char *key,
                       const char *word, GError **error)
{
    g_autoptr(CcbIni) ini = ccb_ini_parse(data, size, error);
    if (ini == NULL)
        return NULL;
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, NULL);
    g_autofree char *added = g_strdup_printf("%s=%s", key, word);
    const Value *value = find(ini, section, key), *header = find(ini, section, "");
    if (value != NULL && has_word(value, word))
        return ccb_text_join(lines);
    if (value != NULL) {
        char **line = (char **)&lines->pdata[value->line];
        char *longer = g_strdup_printf("%s %s\n", g_strchomp(*line), word);
        g_free(*line);
        *line = longer;
    } else if (header != NULL && header->line + 1 < lines->len) {
        g_ptr_array_insert(lines, (gint)header->line + 1, g_strconcat(added, "\n", NULL));
    } else {
        g_autofree char *new_header = g_strdup_printf("[%s]", section);
        if (header == NULL)
            ccb_text_append(lines, new_header);
        ccb_text_append(lines, added);
    }
    return ccb_text_join(lines);
}
