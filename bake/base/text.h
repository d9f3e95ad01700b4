/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text: files as lines, strings made fit to be printed, white space, and misspelt words.
 *
 * Every line keeps its line end, so that joining unchanged lines gives back the same bytes.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Larger than any configuration file; a limit, because the files come from an untrusted guest. */
#define CCB_TEXT_MAX (1u << 20)

/* The lines of `data`, each with its '\n' (the last one may lack it); caller unrefs.
 * Errors: CCB_ERR_INPUT with the line number, for a NUL byte or more than CCB_TEXT_MAX bytes. */
GPtrArray *ccb_text_lines(const char *data, size_t size, GError **error);

/* The opposite; caller frees. */
char *ccb_text_join(const GPtrArray *lines);

/* Adds `line` (no line end) as the last line, giving the one before it a line end if it has none.
 */
void ccb_text_append(GPtrArray *lines, const char *line);

/* What somebody else wrote, made fit for a terminal and for JSON: characters that do not print, and bytes that are no
 * UTF-8, become \xNN; line ends and tabs stay.  Caller frees. */
char *ccb_text_printable(const char *data, size_t size);

/* The same for a name, in which line ends and tabs do not stay. */
char *ccb_name_printable(const char *name);

/* A word of a command, quoted for a shell where that is needed; caller frees. */
char *ccb_word_quoted(const char *word);

/* The name in `names` (ends with NULL) that is most like `word`, or NULL where none is: at most two letters, or a third
 * of them, may be wrong.  Belongs to `names`. */
const char *ccb_did_you_mean(const char *word, const char *const *names);

/* Appends a hint to an error about a `word` that is none of the names: the one it was probably meant to be, or else
 * `otherwise`; NULL: no hint then.  Returns false. */
bool ccb_hint_name(GError **error, const char *word, const char *const *names,
                   const char *otherwise);

static inline bool ccb_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first character that is no white space. */
static inline const char *ccb_skip_space(const char *text)
{
    while (ccb_is_space(*text))
        text++;
    return text;
}

/* The end of the word at `text`: the next white space or the end of the string. */
static inline const char *ccb_skip_word(const char *text)
{
    while (*text != '\0' && !ccb_is_space(*text))
        text++;
    return text;
}
