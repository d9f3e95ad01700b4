/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/ini.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

typedef struct {
    char *section, *key; /* key "": the header of the section */
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

CcbIni *ccb_ini_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    g_autoptr(CcbIni) ini = g_new0(CcbIni, 1);
    ini->values = g_ptr_array_new_with_free_func(value_free);
    g_autofree char *section = g_strdup("");
    Value *last = NULL; /* that an indented line continues; none behind a section header */
    for (guint i = 0; i < lines->len; i++) {
        const char *line = lines->pdata[i];
        g_autofree char *text = g_strstrip(g_strdup(line));
        if (*text == '\0' || *text == '#' || *text == ';')
            continue;
        if (ccb_is_space(*line) && last != NULL) {
            g_string_append_printf(last->value, "%s%s", last->value->len > 0 ? " " : "", text);
            continue;
        }
        bool header = *text == '[';
        char *end = strchr(text, header ? ']' : '=');
        if (end == NULL || end == text) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: %s", i + 1,
                     header ? "section header without ]" : "expected key=value");
            return NULL;
        }
        *end = '\0';
        if (header) {
            g_free(section);
            section = g_strdup(g_strstrip(text + 1));
        }
        Value *value = g_new0(Value, 1);
        *value = (Value){.section = g_strdup(section),
                         .key = g_strdup(header ? "" : g_strchomp(text)),
                         .value = g_string_new(header ? "" : g_strchug(end + 1)),
                         .line = i};
        g_ptr_array_add(ini->values, value);
        last = header ? NULL : value;
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

char *ccb_ini_add_word(const char *data, size_t size, const char *section, const char *key,
                       const char *word, GError **error)
{
    g_autoptr(CcbIni) ini = ccb_ini_parse(data, size, error);
    if (ini == NULL)
        return NULL;
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, NULL);
    g_autofree char *added = g_strdup_printf("%s=%s", key, word);
    const Value *value = find(ini, section, key), *header = find(ini, section, "");
    g_auto(GStrv) words = g_strsplit_set(value != NULL ? value->value->str : "", " \t,", -1);
    if (g_strv_contains((const char *const *)words, word))
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
