/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubcfg.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* Where the word behind "kernelopts=" is, with its quotes. */
typedef struct {
    const char *start, *end;
} Word;

/* The word that `line` assigns to (default_)kernelopts; NULL if it does not. */
static const char *find_assignment(const char *line)
{
    const char *at = ccb_skip_space(line);
    if (!g_str_has_prefix(at, "set") || !ccb_is_space(at[3]))
        return NULL;
    at = ccb_skip_space(at + 3);
    if (g_str_has_prefix(at, "default_"))
        at += strlen("default_");
    return g_str_has_prefix(at, "kernelopts=") ? at + strlen("kernelopts=") : NULL;
}

/* The end of the word at `text` in the quoting of GRUB's shell; NULL if a quote is not closed. */
static const char *word_end(const char *text)
{
    char quote = '\0';
    for (; *text != '\0' && *text != '\n'; text++) {
        if (*text == quote)
            quote = '\0';
        else if (quote == '\0' && (*text == '"' || *text == '\''))
            quote = *text;
        else if (*text == '\\' && quote != '\'' && text[1] != '\0' && text[1] != '\n')
            text++;
        else if (quote == '\0' && (ccb_is_space(*text) || *text == ';'))
            break;
    }
    return quote == '\0' ? text : NULL;
}

/* Sets *ret_word, whose start is NULL if the line is about something else. */
static bool find_word(const GPtrArray *lines, guint index, Word *ret_word, GError **error)
{
    Word word = {.start = find_assignment(lines->pdata[index])};
    if (word.start != NULL) {
        word.end = word_end(word.start);
        if (word.end == NULL)
            return ccb_fail(error, CCB_ERR_INPUT, "line %u: quote not closed", index + 1);
    }
    *ret_word = word;
    return true;
}

static char *unquote(Word word)
{
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
    return g_strchomp(g_string_free(out, FALSE));
}

bool ccb_grubcfg_get_kernelopts(const char *data, size_t size, char **ret_value, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return false;
    Word word = {NULL, NULL};
    for (guint i = 0; i < lines->len && word.start == NULL; i++) {
        if (!find_word(lines, i, &word, error))
            return false;
    }
    *ret_value = word.start != NULL ? unquote(word) : NULL;
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

/* Whether a word behind `word` (of `length` bytes) is the name of a command. */
static bool precedes_command(const char *word, size_t length)
{
    static const char *const words[] = {"then", "else", "do", "{", "if", "elif", "while", "!"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
            return true;
    }
    return false;
}

static bool line_calls(const char *line, const char *command)
{
    bool at_command = true;
    for (const char *at = ccb_skip_space(line); *at != '\0' && *at != '#';) {
        size_t length = strcspn(at, " \t\r\n;");
        if (at_command && length == strlen(command) && memcmp(at, command, length) == 0)
            return true;
        at_command = precedes_command(at, length);
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
