/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tokens of a script of GRUB's (grub-core/script/yylex.l): words with their variables and quotes, line ends and
 * semicolons, and braces.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text; /* or the name of the variable, without '$' and braces */
    bool variable, quoted;
} CcbGrubPart;

typedef struct {
    enum { CCB_GRUB_WORD, CCB_GRUB_SEPARATOR, CCB_GRUB_OPEN, CCB_GRUB_CLOSE } kind;
    guint line;
    size_t start, end; /* of a word: where it lies in the text, in bytes */
    GArray *parts;     /* CcbGrubPart; of words only */
} CcbGrubToken;

typedef struct CcbGrubTokens CcbGrubTokens;

/* Never NULL.  *ret_reason is "LINE: ..." where GRUB could not read on, or NULL; the tokens before that are there.  Caller
 * frees both. */
CcbGrubTokens *ccb_grub_tokenize(const char *text, size_t size, char **ret_reason);
void ccb_grub_tokens_free(CcbGrubTokens *tokens); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbGrubTokens, ccb_grub_tokens_free)

guint ccb_grub_token_count(const CcbGrubTokens *tokens);
/* Belongs to the tokens; behind the last one: a separator on the last line. */
const CcbGrubToken *ccb_grub_token(const CcbGrubTokens *tokens, guint index);

/* Whether a token is that word, written without quotes. */
bool ccb_grub_is_keyword(const CcbGrubToken *token, const char *keyword);
