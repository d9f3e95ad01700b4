/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubcfg.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "text/grubtokens.h"

static const char *const variables[] = {"kernelopts=", "default_kernelopts=", NULL};

/* The literal text that a word begins with; "" where a variable is first. */
static const char *literal_start(const CcbGrubToken *token)
{
    const CcbGrubPart *part = token->parts != NULL && token->parts->len > 0
                                  ? &g_array_index(token->parts, CcbGrubPart, 0)
                                  : NULL;
    return part != NULL && !part->variable ? part->text : "";
}

/* Whether a command begins at the token. */
static bool is_command(const CcbGrubTokens *tokens, guint index)
{
    static const char *const before[] = {"then",  "else",  "elif", "if", "do",
                                         "while", "until", "!",    NULL};
    const CcbGrubToken *last = index > 0 ? ccb_grub_token(tokens, index - 1) : NULL;
    bool is = last == NULL || last->kind != CCB_GRUB_WORD;
    for (guint i = 0; !is && before[i] != NULL; i++)
        is = ccb_grub_is_keyword(last, before[i]);
    return is;
}

/* The variable that "set VARIABLE=..." at the token gives a value, with its '='; NULL: another command. */
static const char *assigned(const CcbGrubTokens *tokens, guint index)
{
    bool is_set = ccb_grub_is_keyword(ccb_grub_token(tokens, index), "set");
    if (!is_set || !is_command(tokens, index) || index + 1 >= ccb_grub_token_count(tokens))
        return NULL;
    for (guint i = 0; variables[i] != NULL; i++)
        if (g_str_has_prefix(literal_start(ccb_grub_token(tokens, index + 1)), variables[i]))
            return variables[i];
    return NULL;
}

/* The value of a word behind the first `skip` bytes, a variable in it as ${NAME}. */
static char *value_of(const CcbGrubToken *token, size_t skip, bool *ret_expands, bool *ret_dollar)
{
    GString *value = g_string_new(NULL);
    *ret_expands = *ret_dollar = false;
    for (guint i = 0; i < token->parts->len; i++) {
        const CcbGrubPart *part = &g_array_index(token->parts, CcbGrubPart, i);
        const char *text = part->text + (i == 0 ? skip : 0);
        g_string_append_printf(value, part->variable ? "${%s}" : "%s", text);
        *ret_expands |= part->variable;
        *ret_dollar |= !part->variable && strchr(text, '$') != NULL;
    }
    return g_strchomp(g_string_free(value, FALSE));
}

static CcbGrubTokens *tokenize(const char *data, size_t size, GError **error)
{
    g_autofree char *reason = NULL;
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    CcbGrubTokens *tokens = ccb_grub_tokenize(data, size, &reason);
    if (reason == NULL)
        return tokens;
    ccb_grub_tokens_free(tokens);
    ccb_fail(error, CCB_ERR_INPUT, "line %s", reason);
    return NULL;
}

bool ccb_grubcfg_get_kernelopts(const char *data, size_t size, char **ret_value, GError **error)
{
    bool expands, dollar;
    g_autoptr(CcbGrubTokens) tokens = tokenize(data, size, error);
    *ret_value = NULL;
    for (guint i = 0; tokens != NULL && i < ccb_grub_token_count(tokens); i++) {
        const char *name = assigned(tokens, i);
        if (name == NULL)
            continue;
        *ret_value = value_of(ccb_grub_token(tokens, i + 1), strlen(name), &expands, &dollar);
        return true;
    }
    return tokens != NULL;
}

static char *quote(const char *value, bool expands)
{
    GString *word = g_string_new("\"");
    for (; *value != '\0'; value++) {
        if (strchr("\"\\", *value) != NULL || (*value == '$' && !expands))
            g_string_append_c(word, '\\');
        g_string_append_c(word, *value);
    }
    g_string_append_c(word, '"');
    return g_string_free(word, FALSE);
}

/* The new word behind NAME=. */
static char *edit_value(const CcbGrubToken *token, const char *name, CcbGrubcfgEdit edit,
                        const void *user, GError **error)
{
    bool expands, dollar;
    g_autofree char *value = value_of(token, strlen(name), &expands, &dollar);
    g_autofree char *edited = edit(user, value, error);
    if (edited != NULL && expands && dollar) {
        ccb_fail(error, CCB_ERR_INPUT, "line %u: a variable and a '$' of its own in one value",
                 token->line);
        ccb_hint(error, "write the arguments out, in a step before this one");
        return NULL;
    }
    return edited != NULL ? quote(edited, expands) : NULL;
}

/* The new arguments of a command "linux", which are text[start, end). */
static char *edit_linux(const char *text, size_t start, size_t end, guint line, CcbGrubcfgEdit edit,
                        const void *user, GError **error)
{
    g_autofree char *arguments = g_strndup(text + start, end - start);
    g_autofree char *edited = edit(user, g_strstrip(arguments), error);
    if (edited != NULL && strpbrk(arguments, "'\\\n") != NULL) {
        ccb_fail(error, CCB_ERR_INPUT,
                 "line %u: the arguments of the kernel have quotes or "
                 "backslashes, or take several lines",
                 line);
        ccb_hint(error, "write them plainly on one line, in a step before this one");
        return NULL;
    }
    return edited != NULL ? g_strconcat(edited[0] != '\0' ? " " : "", edited, NULL) : NULL;
}

/* Whether the command at the token loads a Linux kernel; *ret_last: its last word. */
static bool is_linux(const CcbGrubTokens *tokens, guint index, guint *ret_last)
{
    static const char *const commands[] = {"linux", "linuxefi", "linux16", NULL};
    const CcbGrubToken *token = ccb_grub_token(tokens, index);
    bool is = false;
    for (guint i = 0; commands[i] != NULL; i++)
        is = is || ccb_grub_is_keyword(token, commands[i]);
    *ret_last = index;
    while (*ret_last + 1 < ccb_grub_token_count(tokens) &&
           ccb_grub_token(tokens, *ret_last + 1)->kind == CCB_GRUB_WORD)
        ++*ret_last;
    return is && is_command(tokens, index) && *ret_last > index &&
           strstr(literal_start(ccb_grub_token(tokens, index + 1)), "memtest") == NULL;
}

char *ccb_grubcfg_edit(const char *data, size_t size, CcbGrubcfgEdit edit, const void *user,
                       GError **error)
{
    g_autoptr(CcbGrubTokens) tokens = tokenize(data, size, error);
    g_autoptr(GString) text = g_string_new(NULL);
    size_t copied = 0;
    if (tokens == NULL)
        return NULL;
    for (guint i = 0; i < ccb_grub_token_count(tokens); i++) {
        guint last;
        const char *name = assigned(tokens, i);
        const CcbGrubToken *word = ccb_grub_token(tokens, i + 1);
        g_autofree char *edited = NULL;
        size_t start, end;
        if (name != NULL) {
            start = word->start + strlen(name);
            end = word->end;
            if (strncmp(data + word->start, name, strlen(name)) != 0)
                start = word->start; /* set "kernelopts=..." */
            g_autofree char *value = edit_value(word, name, edit, user, error);
            edited = value != NULL && start == word->start ? g_strconcat(name, value, NULL)
                                                           : g_steal_pointer(&value);
        } else if (is_linux(tokens, i, &last)) {
            start = word->end;
            end = ccb_grub_token(tokens, last)->end;
            edited = edit_linux(data, start, end, word->line, edit, user, error);
        } else {
            continue;
        }
        if (edited == NULL)
            return NULL;
        g_string_append_len(text, data + copied, (gssize)(start - copied));
        g_string_append(text, edited);
        copied = end;
    }
    g_string_append_len(text, data + copied, (gssize)(size - copied));
    return g_strdup(text->str);
}
