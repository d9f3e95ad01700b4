/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/cloudcfg.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* A top-level key with all that belongs to it. */
typedef struct {
    char *rest;       /* what stands behind the colon */
    GPtrArray *lines; /* char *: the lines below, without comments and blank ones */
    guint line;       /* 0: there is no such key */
} Block;

static void block_clear(Block *block)
{
    g_free(block->rest);
    g_ptr_array_unref(block->lines);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Block, block_clear)

/* Without the comment, which begins at the start or behind white space, outside quotes. */
static char *without_comment(const char *line)
{
    char quote = '\0';
    const char *end = line;
    for (; *end != '\0'; end++) {
        if (quote != '\0')
            quote = *end == quote ? '\0' : quote;
        else if (*end == '"' || *end == '\'')
            quote = *end;
        else if (*end == '#' && (end == line || ccb_is_space(end[-1])))
            break;
    }
    return g_strchomp(g_strndup(line, (size_t)(end - line)));
}

static bool is_key(const char *line, const char *key)
{
    size_t length = strlen(key);
    return strncmp(line, key, length) == 0 && line[length] == ':' &&
           (line[length + 1] == '\0' || ccb_is_space(line[length + 1]));
}

/* The last of several counts, as for cloud-init's reader. */
static bool find_block(const char *data, size_t size, const char *key, Block *ret, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    bool inside = false;
    for (guint i = 0; lines != NULL && i < lines->len; i++) {
        g_autofree char *line = without_comment(lines->pdata[i]);
        bool top = *line != '\0' && !ccb_is_space(*line) && *line != '-';
        inside = top ? is_key(line, key) : inside;
        if (top && inside) {
            g_ptr_array_set_size(ret->lines, 0);
            g_free(ret->rest);
            ret->rest = g_strdup(ccb_skip_space(line + strlen(key) + 1));
            ret->line = i + 1;
        } else if (inside && *line != '\0')
            g_ptr_array_add(ret->lines, g_steal_pointer(&line));
    }
    return lines != NULL;
}

static char *plain(const char *start, size_t length)
{
    char *text = g_strstrip(g_strndup(start, length));
    size_t n = strlen(text);
    if (n >= 2 && (*text == '"' || *text == '\'') && text[n - 1] == *text) {
        memmove(text, text + 1, n - 2);
        text[n - 2] = '\0';
    }
    return text;
}

/* The end of a flow value: the comma or closing bracket at its level, or NULL. */
static const char *skip_flow(const char *text)
{
    int depth = 0;
    for (; *text != '\0'; text++) {
        if (depth == 0 && strchr(",]}", *text) != NULL)
            return text;
        depth += *text == '[' || *text == '{';
        depth -= *text == ']' || *text == '}';
    }
    return NULL;
}

/* The parts of "[a, [b, c]]" or "{a: 1}", as written; NULL if the bracket is not closed. */
static GPtrArray *split_flow(const char *text)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    const char close = *text == '[' ? ']' : '}';
    for (const char *at = text + 1;;) {
        const char *end = skip_flow(at);
        if (end == NULL || (*end != ',' && *end != close))
            return NULL;
        char *part = plain(at, (size_t)(end - at));
        if (*part != '\0')
            g_ptr_array_add(parts, part);
        else
            g_free(part);
        if (*end == close)
            return g_steal_pointer(&parts);
        at = end + 1;
    }
}

static GPtrArray *flow_of(const Block *block, char open)
{
    if (*block->rest != open)
        return NULL;
    GString *text = g_string_new(block->rest);
    for (guint i = 0; i < block->lines->len; i++)
        g_string_append_printf(text, " %s", (const char *)block->lines->pdata[i]);
    GPtrArray *parts = split_flow(text->str);
    g_string_free(text, TRUE);
    return parts;
}

/* "ssh" of "ssh" and of "[ssh, always]". */
static char *first_of(const char *item)
{
    g_autoptr(GPtrArray) parts = *item == '[' ? split_flow(item) : NULL;
    if (parts != NULL && parts->len > 0)
        return plain(parts->pdata[0], strlen(parts->pdata[0]));
    return plain(item, strlen(item));
}

static size_t indent_of(const char *line)
{
    return (size_t)(ccb_skip_space(line) - line);
}

/* The lines "- item" at the first one's indentation; deeper ones belong to an item.  False for a
 * line that is none of them. */
static bool dash_items(const Block *block, GPtrArray *items)
{
    for (guint i = 0; i < block->lines->len; i++) {
        const char *line = block->lines->pdata[i], *text = ccb_skip_space(line);
        size_t level = indent_of(block->lines->pdata[0]);
        bool item = *text == '-' && (text[1] == '\0' || ccb_is_space(text[1]));
        if (indent_of(line) < level || (indent_of(line) == level && !item))
            return false;
        if (indent_of(line) == level)
            g_ptr_array_add(items, first_of(ccb_skip_space(text + 1)));
    }
    return true;
}

static bool fail_form(const Block *block, const char *key, GError **error)
{
    return ccb_fail(error, CCB_ERR_INPUT, "line %u: the value of %s is in a form that is not read",
                    block->line, key);
}

static Block new_block(void)
{
    return (Block){.lines = g_ptr_array_new_with_free_func(g_free)};
}

bool ccb_cloudcfg_list(const char *data, size_t size, const char *key, char ***ret_items,
                       guint *ret_line, GError **error)
{
    g_auto(Block) block = new_block();
    if (!find_block(data, size, key, &block, error))
        return false;
    *ret_items = NULL;
    *ret_line = block.line;
    if (block.line == 0)
        return true;
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) parts = flow_of(&block, '[');
    for (guint i = 0; parts != NULL && i < parts->len; i++)
        g_ptr_array_add(items, first_of(parts->pdata[i]));
    if (parts == NULL && (*block.rest != '\0' || !dash_items(&block, items)))
        return fail_form(&block, key, error);
    g_ptr_array_add(items, NULL);
    *ret_items = g_strdupv((char **)items->pdata);
    return true;
}

static bool top_value(const char *data, size_t size, const char *name, char **ret_value,
                      guint *ret_line, GError **error)
{
    g_auto(Block) block = new_block();
    if (!find_block(data, size, name, &block, error))
        return false;
    *ret_line = block.line;
    *ret_value = block.line > 0 ? plain(block.rest, strlen(block.rest)) : NULL;
    return true;
}

bool ccb_cloudcfg_value(const char *data, size_t size, const char *key, const char *name,
                        char **ret_value, guint *ret_line, GError **error)
{
    g_auto(Block) block = new_block();
    if (key == NULL)
        return top_value(data, size, name, ret_value, ret_line, error);
    if (!find_block(data, size, key, &block, error))
        return false;
    *ret_value = NULL;
    *ret_line = block.line;
    if (block.line == 0)
        return true;
    g_autoptr(GPtrArray) flow = flow_of(&block, '{');
    const GPtrArray *parts = flow != NULL ? flow : block.lines;
    if (flow == NULL && *block.rest != '\0')
        return fail_form(&block, key, error);
    for (guint i = 0; i < parts->len; i++) {
        const char *text = ccb_skip_space(parts->pdata[i]);
        if (!is_key(text, name) || indent_of(parts->pdata[i]) != indent_of(parts->pdata[0]))
            continue;
        g_free(*ret_value);
        *ret_value = plain(text + strlen(name) + 1, strlen(text + strlen(name) + 1));
    }
    return true;
}
