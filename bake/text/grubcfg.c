/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubcfg.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* The word behind "kernelopts=", with its quotes; NULL: the line does not set that. */
typedef struct {
    const char *start, *end;
} Word;

/* Finds the word that line `index` gives to (default_)kernelopts, which ends by the quoting of GRUB's shell. */
static bool find_word(const GPtrArray *lines, guint index, Word *ret_word, GError **error)
{
    const char *at = ccb_skip_space(lines->pdata[index]);
    char quote = '\0';
    *ret_word = (Word){NULL, NULL};
    if (!g_str_has_prefix(at, "set") || !ccb_is_space(at[3]))
        return true;
    at = ccb_skip_space(at + 3);
    if (g_str_has_prefix(at, "default_"))
        at += strlen("default_");
    if (!g_str_has_prefix(at, "kernelopts="))
        return true;
    at += strlen("kernelopts=");
    const char *start = at;
    for (; *at != '\0' && *at != '\n'; at++) {
        if (*at == quote)
            quote = '\0';
        else if (quote == '\0' && (*at == '"' || *at == '\''))
            quote = *at;
        else if (*at == '\\' && quote != '\'' && at[1] != '\0' && at[1] != '\n')
            at++;
        else if (quote == '\0' && (ccb_is_space(*at) || *at == ';'))
            break;
    }
    if (quote != '\0')
        return ccb_fail(error, CCB_ERR_INPUT, "line %u: quote not closed", index + 1);
    *ret_word = (Word){start, at};
    return true;
}

bool ccb_grubcfg_get_kernelopts(const char *data, size_t size, char **ret_value, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    Word word = {NULL, NULL};
    if (lines == NULL)
        return false;
    for (guint i = 0; i < lines->len && word.start == NULL; i++)
        if (!find_word(lines, i, &word, error))
            return false;
    if (word.start == NULL) {
        *ret_value = NULL;
        return true;
    }
    GString *out = g_string_new(NULL);
    char quote = '\0';
    for (const char *at = word.start; at < word.end; at++) {
        if (*at == quote)
            quote = '\0';
        else if (quote == '\0' && (*at == '"' || *at == '\''))
            quote = *at;
        else if (*at == '\\' && (quote == '\0' || (quote == '"' && strchr("$\"\\", at[1]) != NULL)))
            g_string_append_c(out, *++at);
        else
            g_string_append_c(out, *at);
    }
    *ret_value = g_strchomp(g_string_free(out, FALSE));
    return true;
}

static char *quote(const char *value)
{
    GString *word = g_string_new("\"");
    for (; *value != '\0'; value++) {
        if (strchr("$\"\\", *value) != NULL)
            g_string_append_c(word, '\\');
        g_string_append_c(word, *value);
    }
    g_string_append_c(word, '"');
    return g_string_free(word, FALSE);
}

char *ccb_grubcfg_set_kernelopts(const char *data, size_t size, const char *value, guint *ret_count,
                                 GError **error)
{
    if (strpbrk(value, "\r\n") != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "line break in the value of kernelopts");
        return NULL;
    }
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    g_autofree char *quoted = quote(value);
    guint count = 0;
    for (guint i = 0; i < lines->len; i++) {
        Word word;
        char *line = lines->pdata[i];
        if (!find_word(lines, i, &word, error))
            return NULL;
        if (word.start == NULL)
            continue;
        lines->pdata[i] =
            g_strdup_printf("%.*s%s%s", (int)(word.start - line), line, quoted, word.end);
        g_free(line);
        count++;
    }
    if (ret_count != NULL)
        *ret_count = count;
    return ccb_text_join(lines);
}

static bool line_calls(const char *line, const char *command)
{
    /* Words behind which a command stands. */
    static const char *const before[] = {"then", "else",  "do", "{", "if",
                                         "elif", "while", "!",  NULL};
    bool at_command = true;
    for (const char *at = ccb_skip_space(line); *at != '\0' && *at != '#';) {
        size_t length = strcspn(at, " \t\r\n;");
        g_autofree char *word = g_strndup(at, length);
        if (at_command && strcmp(word, command) == 0)
            return true;
        at_command = g_strv_contains(before, word);
        at = ccb_skip_space(at + length);
        if (*at == ';') {
            at_command = true;
            at = ccb_skip_space(at + 1);
        }
    }
    return false;
}

bool ccb_grubcfg_calls_blscfg(const char *data, size_t size)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, NULL);
    for (guint i = 0; lines != NULL && i < lines->len; i++) {
        if (line_calls(lines->pdata[i], "blscfg"))
            return true;
    }
    return false;
}
