/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/shellvars.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* An assignment; its places are offsets in the text. */
typedef struct {
    char *key;
    size_t line, next; /* where its line begins; behind the last one that it takes */
    size_t equals;     /* the '=', or the '+' of "+=" */
    size_t start, end; /* the word behind it, with its quotes */
    bool append;       /* += */
} Assignment;

struct CcbShellvars {
    GString *text;
    GPtrArray *assignments;
};

static void assignment_free(gpointer data)
{
    Assignment *assignment = data;
    g_free(assignment->key);
    g_free(assignment);
}

static bool is_name(const char *text, size_t length)
{
    if (length == 0 || g_ascii_isdigit(*text))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '_')
            return false;
    return true;
}

/* The byte behind the next `quote` that no backslash precedes; NULL if there is none. */
static const char *skip_past(const char *text, char quote)
{
    for (; *text != '\0'; text++) {
        if (*text == quote)
            return text + 1;
        if (*text == '\\' && quote != '\'' && text[1] != '\0')
            text++;
    }
    return NULL;
}

/* The end of the shell word at `text`; NULL if a quote or a "$(" in it is not closed.  Quotes inside of "$(...)" are
 * skipped without looking for substitutions inside of them, which keeps this flat for hostile input. */
static const char *skip_shell_word(const char *text)
{
    bool quoted = false; /* "..." */
    int depth = 0;       /* parentheses, from "$(" on */
    while (*text != '\0') {
        bool opens = *text == '`' || (*text == '\'' && (depth > 0 || !quoted)) ||
                     (*text == '"' && depth > 0);
        if (opens) {
            text = skip_past(text + 1, *text);
            if (text == NULL)
                return NULL;
            continue;
        }
        if (depth == 0 && !quoted && strchr(" \t\n;&|<>()", *text) != NULL)
            return text;
        if (depth > 0)
            depth += (*text == '(') - (*text == ')');
        else if (*text == '"')
            quoted = !quoted;
        else if (g_str_has_prefix(text, "$(")) {
            depth = 1;
            text++;
        }
        text += *text == '\\' && text[1] != '\0' ? 2 : 1;
    }
    return quoted || depth > 0 ? NULL : text;
}

/* The byte behind a line and those that a backslash at its end adds to it. */
static const char *skip_continued(const char *line)
{
    while (*line != '\0' && *line != '\n')
        line += *line == '\\' && line[1] != '\0' ? 2 : 1;
    return *line == '\n' ? line + 1 : line;
}

/* Adds the assignment that the line at `line` begins with, if there is one; returns the byte behind it. */
static const char *parse_line(CcbShellvars *vars, const char *line, guint number, GError **error)
{
    const char *name = line + strspn(line, " \t"), *newline = strchr(line, '\n');
    const char *next = newline != NULL ? newline + 1 : line + strlen(line);
    if (g_str_has_prefix(name, "export") && (name[6] == ' ' || name[6] == '\t'))
        name += 6 + strspn(name + 6, " \t");
    size_t length = strcspn(name, "+= \t\r\n");
    bool append = name[length] == '+';
    const char *word = name + length + (append ? 2 : 1);
    if (!is_name(name, length) || name[length + append] != '=')
        return *name == '#' ? next : skip_continued(line);
    g_autofree char *key = g_strndup(name, length);
    const char *end = skip_shell_word(word);
    if (end == NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "line %u: quote not closed in the value of %s", number, key);
        return NULL;
    }
    const char *behind = end + strspn(end, " \t\r");
    if (*behind != '\n' && *behind != '\0' && (*behind != '#' || behind == end)) {
        ccb_fail(error, CCB_ERR_INPUT, "line %u: text behind the value of %s (quote it?)", number,
                 key);
        return NULL;
    }
    newline = strchr(end, '\n');
    next = newline != NULL ? newline + 1 : end + strlen(end);
    const char *text = vars->text->str;
    Assignment *assignment = g_new0(Assignment, 1);
    *assignment = (Assignment){.key = g_steal_pointer(&key),
                               .line = (size_t)(line - text),
                               .next = (size_t)(next - text),
                               .equals = (size_t)(name + length - text),
                               .start = (size_t)(word - text),
                               .end = (size_t)(end - text),
                               .append = append};
    g_ptr_array_add(vars->assignments, assignment);
    return next;
}

/* Takes ownership of `text`. */
static CcbShellvars *parse_text(GString *text, GError **error)
{
    g_autoptr(CcbShellvars) vars = g_new0(CcbShellvars, 1);
    vars->text = text;
    vars->assignments = g_ptr_array_new_with_free_func(assignment_free);
    guint number = 1;
    for (const char *at = text->str; *at != '\0';) {
        const char *next = parse_line(vars, at, number, error);
        if (next == NULL)
            return NULL;
        for (; at < next; at++)
            number += *at == '\n';
    }
    return g_steal_pointer(&vars);
}

CcbShellvars *ccb_shellvars_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    return lines != NULL ? parse_text(g_string_new_len(data, (gssize)size), error) : NULL;
}

void ccb_shellvars_free(CcbShellvars *vars)
{
    if (vars == NULL)
        return;
    g_string_free(vars->text, TRUE);
    g_ptr_array_unref(vars->assignments);
    g_free(vars);
}

/* Whether `text` begins with $KEY or ${KEY}; *ret_length: of that. */
static bool is_variable(const char *text, const char *key, size_t *ret_length)
{
    bool braces = text[0] == '$' && text[1] == '{';
    size_t length = strlen(key), start = braces ? 2 : 1;
    *ret_length = start + length + braces;
    if (text[0] != '$' || strncmp(text + start, key, length) != 0)
        return false;
    char next = text[start + length];
    return braces ? next == '}' : !g_ascii_isalnum(next) && next != '_';
}

/* Appends the text of a word; `before` is what the variable `key` itself has.  Whether the shell would expand nothing else
 * in it. */
static bool unquote(GString *out, const char *word, const char *end, const char *key,
                    const char *before)
{
    size_t length;
    char quote = '\0';
    bool literal = true;
    for (const char *at = word; at < end; at++) {
        bool single = quote == '\'';
        if (*at == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (*at == '\\' && !single && at[1] != '\0' &&
                   (quote == '\0' || strchr("$`\"\\\n", at[1]) != NULL)) {
            at++;
            if (*at != '\n') /* backslash and line break together are nothing */
                g_string_append_c(out, *at);
        } else if (!single && is_variable(at, key, &length)) {
            g_string_append(out, before);
            at += length - 1;
        } else {
            g_string_append_c(out, *at);
            bool variable = *at == '$' && (is_name(at + 1, 1) || at[1] == '{' || at[1] == '(');
            literal = literal && (single || (*at != '`' && !variable));
        }
    }
    return literal;
}

/* The index of the last KEY=, or where only KEY+= are there, of the first of them; -1 if neither. */
static int find_assignment(const CcbShellvars *vars, const char *key)
{
    int found = -1;
    for (guint i = 0; i < vars->assignments->len; i++) {
        const Assignment *assignment = vars->assignments->pdata[i];
        if (strcmp(assignment->key, key) == 0 && (!assignment->append || found < 0))
            found = (int)i;
    }
    return found;
}

/* The value, or NULL. */
static char *get_value(const CcbShellvars *vars, const char *key, bool *ret_literal)
{
    g_autoptr(GString) value = NULL;
    const char *text = vars->text->str;
    *ret_literal = true;
    for (guint i = 0; i < vars->assignments->len; i++) {
        const Assignment *assignment = vars->assignments->pdata[i];
        if (strcmp(assignment->key, key) != 0)
            continue;
        GString *next = g_string_new(assignment->append && value != NULL ? value->str : "");
        gsize kept = next->len;
        bool literal = unquote(next, text + assignment->start, text + assignment->end, key,
                               value != NULL ? value->str : "");
        bool uses_itself =
            value != NULL && value->len > 0 && strstr(next->str + kept, value->str) != NULL;
        *ret_literal = literal && (*ret_literal || (kept == 0 && !uses_itself));
        if (value != NULL)
            g_string_free(value, TRUE);
        value = next;
        if (value->len > CCB_TEXT_MAX) /* of doubled values; no real one */
            g_string_truncate(value, CCB_TEXT_MAX);
    }
    return value != NULL ? g_strdup(value->str) : NULL;
}

char *ccb_shellvars_get(const CcbShellvars *vars, const char *key)
{
    bool literal;
    return get_value(vars, key, &literal);
}

bool ccb_shellvars_is_literal(const CcbShellvars *vars, const char *key)
{
    bool literal;
    g_free(get_value(vars, key, &literal));
    return literal;
}

/* Appends `value` as a word that the shell reads back as the same text. */
static void append_word(GString *out, const char *value, bool quoted)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:,@%+=";
    if (!quoted && *value != '\0' && value[strspn(value, plain)] == '\0') {
        g_string_append(out, value);
        return;
    }
    g_string_append_c(out, '"');
    for (; *value != '\0'; value++) {
        if (strchr("$`\"\\", *value) != NULL)
            g_string_append_c(out, '\\');
        g_string_append_c(out, *value);
    }
    g_string_append_c(out, '"');
}

/* Ends the last line, also one that a backslash continues. */
static void end_line(GString *text)
{
    if (text->len > 0 && !g_str_has_suffix(text->str, "\n"))
        g_string_append_c(text, '\n');
    if (g_str_has_suffix(text->str, "\\\n"))
        g_string_append_c(text, '\n');
}

/* Takes ownership of `text`, the new one. */
static bool take_text(CcbShellvars *vars, GString *text, GError **error)
{
    g_autoptr(CcbShellvars) changed = parse_text(text, error);
    if (changed == NULL)
        return false;
    CcbShellvars before = *vars;
    *vars = *changed;
    *changed = before;
    return true;
}

bool ccb_shellvars_set(CcbShellvars *vars, const char *key, const char *value, GError **error)
{
    if (!is_name(key, strlen(key)))
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be a shell variable", key);
    if (strpbrk(value, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "line break in the value of %s", key);
    const char *old = vars->text->str;
    int first = find_assignment(vars, key);
    GString *text = g_string_new(NULL);
    size_t copied = 0;
    for (guint i = (guint)MAX(first, 0); first >= 0 && i < vars->assignments->len; i++) {
        const Assignment *assignment = vars->assignments->pdata[i];
        if (strcmp(assignment->key, key) != 0)
            continue;
        bool rewrite = i == (guint)first;
        size_t keep = rewrite ? assignment->equals : assignment->line;
        g_string_append_len(text, old + copied, (gssize)(keep - copied));
        copied = rewrite ? assignment->end : assignment->next;
        if (rewrite) {
            char quote = old[assignment->start];
            g_string_append_c(text, '=');
            append_word(text, value, quote == '"' || quote == '\'');
        }
    }
    g_string_append(text, old + copied);
    if (first < 0) {
        end_line(text);
        g_string_append_printf(text, "%s=", key);
        append_word(text, value, false);
        g_string_append_c(text, '\n');
    }
    return take_text(vars, text, error);
}

bool ccb_shellvars_append(CcbShellvars *vars, const char *key, const char *words, GError **error)
{
    if (!is_name(key, strlen(key)) || strpbrk(words, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be added to %s", words, key);
    g_autoptr(GString) value = g_string_new(NULL);
    GString *text = g_string_new(vars->text->str);
    append_word(value, words, true);
    end_line(text);
    g_string_append_printf(text, "%s=\"${%s} %s\n", key, key, value->str + 1);
    return take_text(vars, text, error);
}

char *ccb_shellvars_render(const CcbShellvars *vars)
{
    return g_strdup(vars->text->str);
}
