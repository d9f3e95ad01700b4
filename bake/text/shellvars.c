/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/shellvars.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* A line of the file, or the several lines that one assignment takes. */
typedef struct {
    char *raw;         /* with the line end */
    char *key;         /* NULL: no assignment */
    size_t start, end; /* the word behind '=' in raw, with its quotes */
    bool append;       /* += */
} Item;

struct CcbShellvars {
    GPtrArray *items;
};

static void item_free(gpointer data)
{
    Item *item = data;
    g_free(item->raw);
    g_free(item->key);
    g_free(item);
}

static bool is_name_start(char c)
{
    return g_ascii_isalpha(c) || c == '_';
}

static const char *skip_name(const char *text)
{
    while (is_name_start(*text) || g_ascii_isdigit(*text))
        text++;
    return text;
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

/* The byte behind the ")" that closes the "$(" in front of `text`.  Quotes inside are skipped
 * without looking for substitutions inside them, which keeps this flat for hostile input. */
static const char *skip_substitution(const char *text)
{
    for (int depth = 1; text != NULL && *text != '\0';) {
        if (*text == '\'' || *text == '"' || *text == '`') {
            text = skip_past(text + 1, *text);
            continue;
        }
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        text += *text == '\\' && text[1] != '\0' ? 2 : 1;
        if (depth == 0)
            return text;
    }
    return NULL;
}

static const char *skip_double_quoted(const char *text)
{
    while (text != NULL && *text != '\0') {
        if (*text == '"')
            return text + 1;
        if (*text == '`')
            text = skip_past(text + 1, '`');
        else if (g_str_has_prefix(text, "$("))
            text = skip_substitution(text + 2);
        else
            text += *text == '\\' && text[1] != '\0' ? 2 : 1;
    }
    return NULL;
}

/* The end of the shell word at `text`; NULL if a quote in it is not closed. */
static const char *skip_shell_word(const char *text)
{
    while (text != NULL && *text != '\0' && strchr(" \t\n;&|<>()", *text) == NULL) {
        if (*text == '"')
            text = skip_double_quoted(text + 1);
        else if (*text == '\'' || *text == '`')
            text = skip_past(text + 1, *text);
        else if (g_str_has_prefix(text, "$("))
            text = skip_substitution(text + 2);
        else
            text += *text == '\\' && text[1] != '\0' ? 2 : 1;
    }
    return text;
}

/* Reads "[export ]NAME[+]=" at `text`; returns the '=' or NULL. */
static const char *find_equals(const char *text, const char **ret_name, bool *ret_append)
{
    text += strspn(text, " \t");
    if (g_str_has_prefix(text, "export") && (text[6] == ' ' || text[6] == '\t'))
        text += 6 + strspn(text + 6, " \t");
    const char *end = skip_name(text);
    if (end == text || g_ascii_isdigit(*text))
        return NULL;
    *ret_name = text;
    *ret_append = *end == '+';
    end += *ret_append ? 1 : 0;
    return *end == '=' ? end : NULL;
}

/* Takes the assignment or other line at `text`; returns the byte behind it, or NULL with an error.
 */
static const char *take_item(CcbShellvars *vars, const char *text, guint line, GError **error)
{
    const char *name = NULL;
    bool append = false;
    const char *equals = find_equals(text, &name, &append);
    const char *rest = text;
    Item *item = g_new0(Item, 1);
    g_ptr_array_add(vars->items, item);
    if (equals != NULL) {
        item->key = g_strndup(name, (size_t)(equals - name) - (append ? 1 : 0));
        item->append = append;
        item->start = (size_t)(equals + 1 - text);
        rest = skip_shell_word(equals + 1);
        if (rest == NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: quote not closed in the value of %s", line,
                     item->key);
            return NULL;
        }
        item->end = (size_t)(rest - text);
        const char *behind = rest + strspn(rest, " \t\r");
        if (*behind != '\n' && *behind != '\0' && (*behind != '#' || behind == rest)) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: text behind the value of %s (quote it?)", line,
                     item->key);
            return NULL;
        }
    }
    const char *newline = strchr(rest, '\n');
    const char *next = newline != NULL ? newline + 1 : rest + strlen(rest);
    item->raw = g_strndup(text, (size_t)(next - text));
    return next;
}

CcbShellvars *ccb_shellvars_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    g_autofree char *text = ccb_text_join(lines);
    g_autoptr(CcbShellvars) vars = g_new0(CcbShellvars, 1);
    vars->items = g_ptr_array_new_with_free_func(item_free);
    guint line = 1;
    for (const char *at = text; *at != '\0';) {
        const char *next = take_item(vars, at, line, error);
        if (next == NULL)
            return NULL;
        for (; at < next; at++)
            line += *at == '\n' ? 1 : 0;
    }
    return g_steal_pointer(&vars);
}

void ccb_shellvars_free(CcbShellvars *vars)
{
    if (vars == NULL)
        return;
    g_ptr_array_unref(vars->items);
    g_free(vars);
}

/* The index of the last KEY=, or where only KEY+= are there, of the first of them; -1 if neither.
 */
static int find_assignment(const CcbShellvars *vars, const char *key)
{
    int found = -1;
    for (guint i = 0; i < vars->items->len; i++) {
        const Item *item = vars->items->pdata[i];
        if (g_strcmp0(item->key, key) == 0 && (!item->append || found < 0))
            found = (int)i;
    }
    return found;
}

/* Whether the backslash at `text` (in double quotes or not) takes the special meaning of the next
 * byte. */
static bool is_escape(const char *text, bool quoted)
{
    return text[1] != '\0' && (!quoted || strchr("$`\"\\\n", text[1]) != NULL);
}

static void unquote(GString *out, const char *word, const char *end)
{
    char quote = '\0';
    for (const char *at = word; at < end; at++) {
        if (*at == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (*at == '\\' && quote != '\'' && is_escape(at, quote == '"')) {
            at++;
            if (*at != '\n') /* backslash and line break together are nothing */
                g_string_append_c(out, *at);
        } else {
            g_string_append_c(out, *at);
        }
    }
}

char *ccb_shellvars_get(const CcbShellvars *vars, const char *key)
{
    int first = find_assignment(vars, key);
    if (first < 0)
        return NULL;
    GString *value = g_string_new(NULL);
    for (guint i = (guint)first; i < vars->items->len; i++) {
        const Item *item = vars->items->pdata[i];
        if (g_strcmp0(item->key, key) == 0)
            unquote(value, item->raw + item->start, item->raw + item->end);
    }
    return g_string_free(value, FALSE);
}

static bool expands(const char *word, const char *end)
{
    bool single = false, quoted = false;
    for (const char *at = word; at < end; at++) {
        if (*at == '\'' && !quoted)
            single = !single;
        else if (single)
            continue;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '\\')
            at++;
        else if (*at == '`' ||
                 (*at == '$' && (is_name_start(at[1]) || strchr("{(", at[1]) != NULL)))
            return true;
    }
    return false;
}

bool ccb_shellvars_is_literal(const CcbShellvars *vars, const char *key)
{
    int first = find_assignment(vars, key);
    for (guint i = (guint)MAX(first, 0); first >= 0 && i < vars->items->len; i++) {
        const Item *item = vars->items->pdata[i];
        if (g_strcmp0(item->key, key) == 0 &&
            expands(item->raw + item->start, item->raw + item->end))
            return false;
    }
    return true;
}

static bool is_plain(const char *value)
{
    for (; *value != '\0'; value++) {
        if (!g_ascii_isalnum(*value) && strchr("_-./:,@%+=", *value) == NULL)
            return false;
    }
    return true;
}

/* `value` as a word that the shell reads back as the same text. */
static char *quote_value(const char *value, bool was_quoted)
{
    if (!was_quoted && *value != '\0' && is_plain(value))
        return g_strdup(value);
    GString *word = g_string_new("\"");
    for (; *value != '\0'; value++) {
        if (strchr("$`\"\\", *value) != NULL)
            g_string_append_c(word, '\\');
        g_string_append_c(word, *value);
    }
    g_string_append_c(word, '"');
    return g_string_free(word, FALSE);
}

static void rewrite(Item *item, const char *value)
{
    char first = item->raw[item->start];
    g_autofree char *word = quote_value(value, first == '"' || first == '\'');
    size_t prefix = item->start - (item->append ? 2 : 1);
    char *raw = g_strdup_printf("%.*s=%s%s", (int)prefix, item->raw, word, item->raw + item->end);
    g_free(item->raw);
    item->raw = raw;
    item->append = false;
    item->start = prefix + 1;
    item->end = item->start + strlen(word);
}

static void append(CcbShellvars *vars, const char *key, const char *value)
{
    if (vars->items->len > 0) {
        Item *last = vars->items->pdata[vars->items->len - 1];
        if (!g_str_has_suffix(last->raw, "\n")) {
            char *ended = g_strconcat(last->raw, "\n", NULL);
            g_free(last->raw);
            last->raw = ended;
        }
    }
    g_autofree char *word = quote_value(value, false);
    Item *item = g_new0(Item, 1);
    item->raw = g_strdup_printf("%s=%s\n", key, word);
    item->key = g_strdup(key);
    item->start = strlen(key) + 1;
    item->end = item->start + strlen(word);
    g_ptr_array_add(vars->items, item);
}

bool ccb_shellvars_set(CcbShellvars *vars, const char *key, const char *value, GError **error)
{
    if (!is_name_start(*key) || *skip_name(key) != '\0')
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be a shell variable", key);
    if (strpbrk(value, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "line break in the value of %s", key);
    int first = find_assignment(vars, key);
    if (first < 0) {
        append(vars, key, value);
        return true;
    }
    rewrite(vars->items->pdata[first], value);
    for (guint i = vars->items->len - 1; i > (guint)first; i--) {
        const Item *item = vars->items->pdata[i];
        if (g_strcmp0(item->key, key) == 0)
            g_ptr_array_remove_index(vars->items, i);
    }
    return true;
}

char *ccb_shellvars_render(const CcbShellvars *vars)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < vars->items->len; i++)
        g_string_append(text, ((const Item *)vars->items->pdata[i])->raw);
    return g_string_free(text, FALSE);
}
