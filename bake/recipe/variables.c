/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/variables.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum { MAX_DEPTH = 16, EXPANDED_MAX = 1 << 20 };

typedef struct {
    const CcbNode *variables; /* a map, as the recipe has it; or NULL */
    const char *const *kept;  /* names that stay as they are; NULL: none, and $${ becomes ${ */
    GHashTable *used;         /* names are added; or NULL */
    const char *file;         /* of the text that is worked on */
    GPtrArray
        *elsewhere; /* char *: the variables in it that have their values in no line of `file` */
    size_t
        expanded; /* bytes of values so far: a few lines of variables of variables stand for billions */
} Expansion;

/* Which variable `name` was probably meant to be; `otherwise` as ccb_hint_name() has it. */
static bool suggest(GError **error, const CcbNode *variables, const char *name,
                    const char *otherwise)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    bool is_map = variables != NULL && variables->type == CCB_NODE_MAP;
    for (guint i = 0; is_map && i < variables->keys->len; i++)
        g_ptr_array_add(names, ((CcbNode *)variables->keys->pdata[i])->text);
    g_ptr_array_add(names, NULL);
    return ccb_hint_name(error, name, (const char *const *)names->pdata, otherwise);
}

/* The value of a variable that `node` uses; NULL on error. */
static const CcbNode *find_value(const Expansion *x, const CcbNode *node, const char *name,
                                 GError **error)
{
    const CcbNode *value = ccb_node_get(x->variables, name);
    if (value != NULL && value->type == CCB_NODE_SCALAR)
        return value;
    if (value != NULL) {
        ccb_node_fail(value, error, "the variable \"%s\" must have one value", name);
        return NULL;
    }
    ccb_node_fail(node, error, "undefined variable \"%s\"", name);
    suggest(error, x->variables, name, "give it a default under `variables`");
    return NULL;
}

static void note(Expansion *x, const char *name, const CcbNode *value)
{
    if (x->used != NULL)
        g_hash_table_add(x->used, g_strdup(name));
    if (strcmp(value->file, x->file) == 0)
        return;
    char *text = value->line > 0 ? g_strdup_printf("${%s} of %s:%d", name, value->file, value->line)
                                 : g_strdup_printf("${%s} of --set", name);
    if (g_ptr_array_find_with_equal_func(x->elsewhere, text, g_str_equal, NULL))
        g_free(text);
    else
        g_ptr_array_add(x->elsewhere, text);
}

/* The text with values for ${...}.  `node` is where it stands.  Caller frees. */
static char *expand_text(Expansion *x, const CcbNode *node, const char *text, int depth,
                         GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    while (*text != '\0') {
        if (g_str_has_prefix(text, "$${")) {
            g_string_append(out, x->kept != NULL ? "$${" : "${");
            text += 3;
            continue;
        }
        if (!g_str_has_prefix(text, "${")) {
            g_string_append_c(out, *text++);
            continue;
        }
        const char *begin = text + 2, *end = strchr(begin, '}');
        if (end == NULL) {
            ccb_node_fail(node, error, "\"${\" without \"}\" (write $${ for a literal one)");
            return NULL;
        }
        g_autofree char *name = g_strndup(begin, (gsize)(end - begin));
        if (x->kept != NULL && g_strv_contains(x->kept, name)) {
            g_string_append_len(out, text, end + 1 - text);
            text = end + 1;
            continue;
        }
        const CcbNode *value = find_value(x, node, name, error);
        if (value == NULL)
            return NULL;
        if (depth >= MAX_DEPTH) {
            ccb_node_fail(node, error, "variable \"%s\" refers to itself", name);
            return NULL;
        }
        note(x, name, value);
        g_autofree char *expanded = expand_text(x, value, value->text, depth + 1, error);
        if (expanded == NULL)
            return NULL;
        g_string_append(out, expanded);
        text = end + 1;
        x->expanded += strlen(expanded);
        if (x->expanded > EXPANDED_MAX) {
            ccb_node_fail(node, error, "the values of variables add up to more than %d bytes",
                          EXPANDED_MAX);
            return NULL;
        }
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Where a text that is one variable, and nothing else, has its value; or NULL.  A variable that is just another one has it
 * where that one does. */
static const char *set_at(const CcbNode *variables, const char *text)
{
    const CcbNode *value = NULL;
    for (int depth = 0; depth <= MAX_DEPTH && g_str_has_prefix(text, "${"); depth++) {
        const char *end = strchr(text, '}');
        if (end == NULL || end[1] != '\0')
            break;
        g_autofree char *name = g_strndup(text + 2, (gsize)(end - text - 2));
        const CcbNode *next = ccb_node_get(variables, name);
        if (next == NULL || next->type != CCB_NODE_SCALAR)
            break;
        value = next;
        text = next->text;
    }
    g_autofree char *place = value != NULL ? ccb_node_place(value) : NULL;
    return place != NULL ? g_intern_string(place) : NULL;
}

static bool expand(Expansion *x, CcbNode *node, GError **error)
{
    if (node->type == CCB_NODE_SCALAR) {
        x->file = node->file;
        g_ptr_array_set_size(x->elsewhere, 0);
        char *text = expand_text(x, node, node->text, 0, error);
        if (text == NULL)
            return false;
        if (strcmp(text, node->text) != 0)
            node->plain = false; /* an empty value is a value, not a missing one */
        node->set_at = set_at(x->variables, node->text);
        if (x->elsewhere->len > 0) {
            g_ptr_array_add(x->elsewhere, NULL);
            g_autofree char *all = g_strjoinv(", ", (char **)x->elsewhere->pdata);
            node->variables = g_intern_string(all);
        }
        g_free(node->text);
        node->text = text;
        return true;
    }
    for (guint i = 0; i < node->items->len; i++)
        if (!expand(x, node->items->pdata[i], error))
            return false;
    return true;
}

bool ccb_variables_expand(CcbNode *root, const char *const *kept, GHashTable *used, GError **error)
{
    CcbNode *own = ccb_node_get(root, "variables");
    bool has_own = own != NULL && own->type == CCB_NODE_MAP;
    /* They are a part of root and change with it. */
    g_autoptr(CcbNode) variables = has_own ? ccb_node_copy(own) : NULL;
    g_autoptr(GPtrArray) elsewhere = g_ptr_array_new_with_free_func(g_free);
    Expansion x = {.variables = variables, .kept = kept, .elsewhere = elsewhere};
    for (guint i = 0; i < root->items->len; i++) {
        CcbNode *item = root->items->pdata[i];
        x.used = item == own ? NULL : used;
        if (!expand(&x, item, error))
            return false;
    }
    return true;
}

char *ccb_variables_expand_file(const char *path, const CcbNode *variables, GHashTable *used,
                                GError **error)
{
    size_t size = 0;
    g_autofree char *text = ccb_read_file(path, CCB_TEXT_MAX, &size, error);
    g_autoptr(GPtrArray) lines = text != NULL ? ccb_text_lines(text, size, error) : NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GPtrArray) elsewhere = g_ptr_array_new_with_free_func(g_free);
    Expansion x = {.variables = variables, .used = used, .file = path, .elsewhere = elsewhere};
    if (lines == NULL) {
        if (text != NULL)
            g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    for (guint i = 0; i < lines->len; i++) {
        const char *line = lines->pdata[i], *at = strstr(line, "${");
        const CcbNode place = {
            .file = path, .line = (int)i + 1, .column = at != NULL ? (int)(at - line) + 1 : 1};
        g_autofree char *expanded = expand_text(&x, &place, line, 0, error);
        if (expanded == NULL)
            return NULL;
        g_string_append(out, expanded);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

bool ccb_variables_check_used(const CcbNode *variables, const char *file, GHashTable *used,
                              GError **error)
{
    for (guint i = 0; variables != NULL && i < variables->keys->len; i++) {
        const CcbNode *key = variables->keys->pdata[i];
        if (strcmp(key->file, file) != 0 || g_hash_table_contains(used, key->text))
            continue;
        g_autofree gpointer *names = g_hash_table_get_keys_as_array(used, NULL);
        g_autofree char *use = g_strdup_printf("use it as ${%s}, or take it out", key->text);
        ccb_node_fail(key, error, "nothing uses the variable \"%s\"", key->text);
        return ccb_hint_name(error, key->text, (const char *const *)names, use);
    }
    return true;
}

bool ccb_variables_set(CcbNode *variables, const char *setting, const CcbNode *source,
                       GError **error)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting)
        return ccb_fail(error, CCB_ERR_USAGE, "--set %s: expected NAME=VALUE", setting);
    g_autofree char *name = g_strndup(setting, (gsize)(equals - setting));
    CcbNode *variable = variables ? ccb_node_get(variables, name) : NULL;
    if (variable == NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "--set %s: the recipe has no variable \"%s\"", setting,
                 name);
        return suggest(error, variables, name, NULL);
    }
    g_autofree char *option = g_strconcat("--set ", name, NULL);
    g_free(variable->text);
    variable->text = g_strdup(equals + 1);
    variable->plain = false;
    variable->file = source ? source->file : g_intern_string(option);
    variable->line = source ? source->line : 0;
    variable->column = source ? source->column : 0;
    return true;
}
