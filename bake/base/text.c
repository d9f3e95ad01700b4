/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <string.h>

#include "base/error.h"

GPtrArray *ccb_text_lines(const char *data, size_t size, GError **error)
{
    if (size > CCB_TEXT_MAX) {
        ccb_fail(error, CCB_ERR_INPUT, "%zu bytes are too many for a text file", size);
        return NULL;
    }
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(data + at, '\n', size - at);
        size_t end = newline != NULL ? (size_t)(newline - data) + 1 : size;
        if (memchr(data + at, '\0', end - at) != NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: NUL byte in a text file", lines->len + 1);
            return NULL;
        }
        g_ptr_array_add(lines, g_strndup(data + at, end - at));
        at = end;
    }
    return g_steal_pointer(&lines);
}

char *ccb_text_join(const GPtrArray *lines)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < lines->len; i++)
        g_string_append(text, lines->pdata[i]);
    return g_string_free(text, FALSE);
}

void ccb_text_append(GPtrArray *lines, const char *line)
{
    char **last = lines->len > 0 ? (char **)&lines->pdata[lines->len - 1] : NULL;
    if (last != NULL && !g_str_has_suffix(*last, "\n")) {
        char *ended = g_strconcat(*last, "\n", NULL);
        g_free(*last);
        *last = ended;
    }
    g_ptr_array_add(lines, g_strconcat(line, "\n", NULL));
}

static void escape(GString *out, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(out, "\\x%02x", (guchar)data[i]);
}

static char *printable(const char *data, size_t size, const char *also)
{
    GString *out = g_string_sized_new(size);
    for (size_t at = 0; at < size;) {
        gunichar c = g_utf8_get_char_validated(data + at, (gssize)(size - at));
        bool valid = c != (gunichar)-1 && c != (gunichar)-2 && c != 0;
        size_t length = valid ? (size_t)g_unichar_to_utf8(c, NULL) : 1;
        if (valid && (g_unichar_isprint(c) || (c < 0x80 && strchr(also, (int)c) != NULL)))
            g_string_append_len(out, data + at, (gssize)length);
        else
            escape(out, data + at, length);
        at += length;
    }
    return g_string_free(out, FALSE);
}

char *ccb_text_printable(const char *data, size_t size)
{
    return printable(data, size, "\n\t");
}

char *ccb_name_printable(const char *name)
{
    return printable(name, strlen(name), "");
}

/* The Levenshtein distance of two words, by the usual table of which only one row is kept.  A word that is longer than
 * the row is as far from any other as the row is long. */
static unsigned distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    unsigned row[LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

char *ccb_word_quoted(const char *word)
{
    bool plain = *word != '\0' && strpbrk(word, " \t\n'\"\\$`;&|<>()*?~#![]{}") == NULL;
    return plain ? g_strdup(word) : g_shell_quote(word);
}

const char *ccb_did_you_mean(const char *word, const char *const *names)
{
    const char *best = NULL;
    unsigned least = (unsigned)MAX(2, strlen(word) / 3) + 1;
    for (; *names != NULL; names++) {
        unsigned d = distance(word, *names);
        if (d < least && d < MAX(strlen(word), strlen(*names))) { /* else nothing is alike */
            least = d;
            best = *names;
        }
    }
    return best;
}

bool ccb_hint_name(GError **error, const char *word, const char *const *names,
                   const char *otherwise)
{
    const char *meant = ccb_did_you_mean(word, names);
    if (meant != NULL)
        return ccb_hint(error, "did you mean \"%s\"?", meant);
    return otherwise != NULL && ccb_hint(error, "%s", otherwise);
}
