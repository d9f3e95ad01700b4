/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/yaml-text.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { COMMENT_COLUMN = 56, FLOW_WIDTH = 90 };

typedef struct {
    GString *out;
    const char *file;
} Writer;

/* Whether a program that reads YAML, of any version, may take an unquoted text for a number, a date, a boolean or nothing. */
static bool looks_typed(const char *text)
{
    static const char typed[] = "^(|~|null|true|false|yes|no|on|off|y|n|[-+]?\\.(inf|nan)"
                                "|[-+]?(\\.[0-9]+|[0-9][0-9_]*(\\.[0-9_]*)?)(e[-+]?[0-9]+)?"
                                "|[-+]?0(x[0-9a-f_]+|o[0-7_]+|b[01_]+)"
                                "|[-+]?[0-9]+(:[0-5]?[0-9])+(\\.[0-9_]*)?"
                                "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t ].*)?)$";
    return g_regex_match_simple(typed, text, G_REGEX_CASELESS | G_REGEX_DOLLAR_ENDONLY, 0);
}

/* Whether a text may stand unquoted, in a list in brackets as well. */
static bool is_plain(const char *text)
{
    static const char inside[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_./+=%@^~()<>;?&!|*:- ";
    static const char first[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_./+";
    size_t length = strlen(text);
    bool is_option = text[0] == '-' &&
                     (g_ascii_isalpha(text[1]) || (text[1] == '-' && g_ascii_isalpha(text[2])));
    return length > 0 && (is_option || strchr(first, text[0]) != NULL) &&
           text[strspn(text, inside)] == '\0' && strstr(text, ": ") == NULL &&
           text[length - 1] != ':' && text[length - 1] != ' ';
}

char *ccb_yaml_scalar(const char *text)
{
    if (is_plain(text) && !looks_typed(text))
        return g_strdup(text);
    json_auto_t *json = json_string(text); /* a JSON string is one of YAML, too */
    char *quoted = json_dumps(json, JSON_ENCODE_ANY);
    char *copy = g_strdup(quoted);
    free(quoted);
    return copy;
}

static char *scalar_text(const CcbNode *node)
{
    return node->plain && is_plain(node->text) ? g_strdup(node->text) : ccb_yaml_scalar(node->text);
}

/* Ends a line whose value stands at `node`; `line` is where it began. */
static void end_line(Writer *w, size_t line, const CcbNode *node)
{
    g_autoptr(GString) comment = g_string_new(NULL);
    bool is_elsewhere = strcmp(node->file, w->file) != 0;
    if (is_elsewhere && node->line > 0)
        g_string_append_printf(comment, "%s:%d", node->file, node->line);
    else if (is_elsewhere)
        g_string_append(comment, node->file);
    if (node->variables != NULL)
        g_string_append_printf(comment, "%s%s", comment->len > 0 ? ", " : "", node->variables);
    g_autofree char *text = ccb_name_printable(comment->str);
    int width = (int)(w->out->len - line);
    if (text[0] != '\0')
        g_string_append_printf(w->out, "%*s# %s", MAX(COMMENT_COLUMN - width, 2), "", text);
    g_string_append_c(w->out, '\n');
}

/* The list in brackets, if it is short and in one line of one file; else NULL. */
static char *flow_text(const CcbNode *list)
{
    g_autoptr(GString) text = g_string_new("[");
    for (guint i = 0; i < list->items->len; i++) {
        const CcbNode *item = list->items->pdata[i], *first = list->items->pdata[0];
        if (item->type != CCB_NODE_SCALAR || strcmp(item->file, first->file) != 0 ||
            item->line != first->line || (i > 0 && item->variables != NULL))
            return NULL;
        g_autofree char *word = scalar_text(item);
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", word);
    }
    g_string_append_c(text, ']');
    return text->len <= FLOW_WIDTH ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void write_map(Writer *w, const CcbNode *map, int indent, bool in_line);
static void write_list(Writer *w, const CcbNode *list, int indent, bool in_line);

/* What stands behind "key:" or "-" in a line that began at `line`; `key` is that key, or the list. */
static void write_value(Writer *w, const CcbNode *key, const CcbNode *value, int indent,
                        size_t line)
{
    bool is_list = value->type == CCB_NODE_LIST;
    g_autofree char *text = value->type == CCB_NODE_SCALAR ? scalar_text(value)
                            : value->items->len == 0       ? g_strdup(is_list ? "[]" : "{}")
                            : is_list                      ? flow_text(value)
                                                           : NULL;
    if (text != NULL) {
        bool is_flow = is_list && value->items->len > 0;
        g_string_append_printf(w->out, " %s", text);
        end_line(w, line, is_flow ? value->items->pdata[0] : value);
    } else if (key->type == CCB_NODE_SCALAR) { /* below the key */
        end_line(w, line, key);
        if (is_list)
            write_list(w, value, indent + 2, false);
        else
            write_map(w, value, indent + 2, false);
    } else { /* behind the dash */
        g_string_append_c(w->out, ' ');
        if (is_list)
            write_list(w, value, indent + 2, true);
        else
            write_map(w, value, indent + 2, true);
    }
}

/* `in_line`: the first entry stands in a line that has begun, at the column `indent`. */
static void write_map(Writer *w, const CcbNode *map, int indent, bool in_line)
{
    for (guint i = 0; i < map->keys->len; i++) {
        const CcbNode *key = map->keys->pdata[i];
        size_t line = w->out->len - (in_line && i == 0 ? (size_t)indent : 0);
        g_autofree char *name = scalar_text(key);
        g_string_append_printf(w->out, "%*s%s:", in_line && i == 0 ? 0 : indent, "", name);
        write_value(w, key, map->items->pdata[i], indent, line);
    }
}

static void write_list(Writer *w, const CcbNode *list, int indent, bool in_line)
{
    for (guint i = 0; i < list->items->len; i++) {
        size_t line = w->out->len - (in_line && i == 0 ? (size_t)indent : 0);
        g_string_append_printf(w->out, "%*s-", in_line && i == 0 ? 0 : indent, "");
        write_value(w, list, list->items->pdata[i], indent, line);
    }
}

char *ccb_yaml_text(const CcbNode *map, const char *file)
{
    Writer w = {g_string_new(NULL), file};
    write_map(&w, map, 0, false);
    return g_string_free(w.out, FALSE);
}
