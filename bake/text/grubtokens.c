/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubtokens.h"

#include <string.h>

struct CcbGrubTokens {
    GArray *tokens; /* CcbGrubToken */
    CcbGrubToken last;
};

typedef struct {
    const char *text, *at, *end;
    guint line;
    CcbGrubTokens *tokens;
    GArray *parts;  /* of the word that is read; NULL: none is */
    GString *plain; /* its literal text that is not in `parts` yet; NULL: none */
    size_t start;
    char *reason;
} Lexer;

static void clear_part(gpointer data)
{
    g_free(((CcbGrubPart *)data)->text);
}

static void clear_token(gpointer data)
{
    CcbGrubToken *token = data;
    if (token->parts != NULL)
        g_array_unref(token->parts);
}

void ccb_grub_tokens_free(CcbGrubTokens *tokens)
{
    if (tokens == NULL)
        return;
    g_array_unref(tokens->tokens);
    g_free(tokens);
}

static void begin_word(Lexer *l)
{
    if (l->parts != NULL)
        return;
    l->parts = g_array_new(FALSE, FALSE, sizeof(CcbGrubPart));
    g_array_set_clear_func(l->parts, clear_part);
    l->start = (size_t)(l->at - l->text);
}

static void flush_plain(Lexer *l, bool quoted)
{
    if (l->plain == NULL)
        return;
    const CcbGrubPart part = {g_string_free(g_steal_pointer(&l->plain), FALSE), false, quoted};
    g_array_append_val(l->parts, part);
}

static void add_plain(Lexer *l, char c)
{
    if (l->plain == NULL)
        l->plain = g_string_new(NULL);
    g_string_append_c(l->plain, c);
}

static void end_word(Lexer *l)
{
    if (l->parts == NULL)
        return;
    flush_plain(l, false);
    const CcbGrubToken token = {CCB_GRUB_WORD, l->line, l->start, (size_t)(l->at - l->text),
                                g_steal_pointer(&l->parts)};
    g_array_append_val(l->tokens->tokens, token);
}

/* The variable at '$'; false where it is a plain dollar. */
static bool take_variable(Lexer *l, bool quoted)
{
    bool braces = l->at + 1 < l->end && l->at[1] == '{';
    const char *start = l->at + 1 + braces, *end = start;
    while (end < l->end && (g_ascii_isalnum(*end) || *end == '_') &&
           !(g_ascii_isdigit(*start) && !g_ascii_isdigit(*end)))
        end++;
    if (end == start && end < l->end && strchr("?*@#", *end) != NULL)
        end++;
    if (end == start || (braces && (end >= l->end || *end != '}')))
        return false;
    flush_plain(l, quoted);
    const CcbGrubPart part = {g_strndup(start, (gsize)(end - start)), true, quoted};
    g_array_append_val(l->parts, part);
    l->at = end + braces;
    return true;
}

/* What is between two quotes, the first of which is at hand. */
static void take_quoted(Lexer *l)
{
    char quote = *l->at++;
    guint line = l->line;
    flush_plain(l, false);
    l->plain = g_string_new(NULL);
    while (l->at < l->end && *l->at != quote) {
        if (*l->at == '$' && quote == '"' && take_variable(l, true))
            continue;
        l->line += *l->at == '\n';
        if (*l->at == '\\' && quote == '"' && l->at + 1 < l->end &&
            strchr("$\"\\\n", l->at[1]) != NULL) {
            l->at++;
            l->line += *l->at == '\n';
            if (*l->at == '\n') {
                l->at++;
                continue;
            }
        }
        add_plain(l, *l->at++);
    }
    flush_plain(l, true);
    if (l->at == l->end)
        l->reason = g_strdup_printf("%u: a quote is not closed", line);
    else
        l->at++;
}

static void add_token(Lexer *l, int kind)
{
    end_word(l);
    const CcbGrubToken token = {(unsigned)kind, l->line, (size_t)(l->at - l->text),
                                (size_t)(l->at - l->text) + 1, NULL};
    g_array_append_val(l->tokens->tokens, token);
    l->line += *l->at == '\n';
    l->at++;
}

static void take_one(Lexer *l)
{
    char c = *l->at;
    if (c == '#' && l->parts == NULL) {
        while (l->at < l->end && *l->at != '\n')
            l->at++;
    } else if (c == ' ' || c == '\t' || c == '\r') {
        end_word(l);
        l->at++;
    } else if (c == '\n' || c == ';') {
        add_token(l, CCB_GRUB_SEPARATOR);
    } else if (c == '{') {
        add_token(l, CCB_GRUB_OPEN);
    } else if (c == '}') {
        add_token(l, CCB_GRUB_CLOSE);
    } else if (strchr("&|<>", c) != NULL) {
        l->reason = g_strdup_printf("%u: GRUB finds a syntax error at \"%c\"", l->line, c);
    } else if (c == '\\' && l->at + 1 < l->end && l->at[1] == '\n') {
        l->at += 2;
        l->line++;
    } else {
        begin_word(l);
        if (c == '"' || c == '\'') {
            take_quoted(l);
        } else if (c != '$' || !take_variable(l, false)) {
            l->at += c == '\\' && l->at + 1 < l->end;
            add_plain(l, *l->at++);
        }
    }
}

CcbGrubTokens *ccb_grub_tokenize(const char *text, size_t size, char **ret_reason)
{
    CcbGrubTokens *tokens = g_new0(CcbGrubTokens, 1);
    tokens->tokens = g_array_new(FALSE, FALSE, sizeof(CcbGrubToken));
    g_array_set_clear_func(tokens->tokens, clear_token);
    Lexer l = {.text = text, .at = text, .end = text + size, .line = 1, .tokens = tokens};
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL)
        l.reason = g_strdup("1: a NUL byte");
    while (l.at < l.end && l.reason == NULL)
        take_one(&l);
    end_word(&l);
    tokens->last =
        (CcbGrubToken){.kind = CCB_GRUB_SEPARATOR, .line = l.line, .start = size, .end = size};
    *ret_reason = l.reason;
    return tokens;
}

guint ccb_grub_token_count(const CcbGrubTokens *tokens)
{
    return tokens->tokens->len;
}

const CcbGrubToken *ccb_grub_token(const CcbGrubTokens *tokens, guint index)
{
    return index < tokens->tokens->len ? &g_array_index(tokens->tokens, CcbGrubToken, index)
                                       : &tokens->last;
}

bool ccb_grub_is_keyword(const CcbGrubToken *token, const char *keyword)
{
    if (token->kind != CCB_GRUB_WORD || token->parts->len != 1)
        return false;
    const CcbGrubPart *part = &g_array_index(token->parts, CcbGrubPart, 0);
    return !part->variable && !part->quoted && strcmp(part->text, keyword) == 0;
}
