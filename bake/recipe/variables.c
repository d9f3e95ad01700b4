/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/variables.h"

#include <string.h>

#include "base/text.h"

enum { MAX_DEPTH = 16 };

/* The variable that `name` was probably meant to be, or NULL. */
static const char *suggest(const CcbNode *variables, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    bool is_map = variables != NULL && variables->type == CCB_NODE_MAP;
    for (guint i = 0; is_map && i < variables->keys->len; i++)
        g_ptr_array_add(names, ((CcbNode *)variables->keys->pdata[i])->text);
    g_ptr_array_add(names, NULL);
    return ccb_did_you_mean(name, (const char *const *)names->pdata);
}

/* The text with values for ${...}; adds their names to the set `used`, which may be NULL.  Caller
 * frees. */
static char *expand_text(const CcbNode *node, const char *text, const CcbNode *variables,
                         GHashTable *used, int depth, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    while (*text != '\0') {
        if (g_str_has_prefix(text, "$${")) {
            g_string_append(out, "${");
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
        const char *value = ccb_node_get_text(variables, name);
        if (value == NULL && ccb_node_get(variables, name) != NULL) {
            ccb_node_fail(ccb_node_get(variables, name), error,
                          "the variable \"%s\" must have one value", name);
            return NULL;
        }
        if (value == NULL) {
            ccb_node_fail(node, error, "undefined variable \"%s\"", name);
            const char *meant = suggest(variables, name);
            if (meant)
                ccb_hint(error, "did you mean \"%s\"?", meant);
            else
                ccb_hint(error, "give it a default under `variables`");
            return NULL;
        }
        if (depth >= MAX_DEPTH) {
            ccb_node_fail(node, error, "variable \"%s\" refers to itself", name);
            return NULL;
        }
        g_autofree char *expanded = expand_text(node, value, variables, used, depth + 1, error);
        if (expanded == NULL)
            return NULL;
        if (used != NULL)
            g_hash_table_add(used, g_strdup(name));
        g_string_append(out, expanded);
        text = end + 1;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static bool expand(CcbNode *node, const CcbNode *variables, GHashTable *used, GError **error)
{
    if (node->type == CCB_NODE_SCALAR) {
        char *text = expand_text(node, node->text, variables, used, 0, error);
        if (text == NULL)
            return false;
        if (strcmp(text, node->text) != 0)
            node->plain = false; /* an empty value is a value, not a missing one */
        g_free(node->text);
        node->text = text;
        return true;
    }
    for (guint i = 0; i < node->items->len; i++)
        if (!expand(node->items->pdata[i], variables, used, error))
            return false;
    return true;
}

bool ccb_variables_expand(CcbNode *root, GHashTable *used, GError **error)
{
    CcbNode *own = ccb_node_get(root, "variables");
    bool has_own = own != NULL && own->type == CCB_NODE_MAP;
    /* They are a part of root and change with it. */
    g_autoptr(CcbNode) variables = has_own ? ccb_node_copy(own) : NULL;
    for (guint i = 0; i < root->items->len; i++) {
        CcbNode *item = root->items->pdata[i];
        if (!expand(item, variables, item == own ? NULL : used, error))
            return false;
    }
    return true;
}

bool ccb_variables_check_used(const CcbNode *variables, const char *file, GHashTable *used,
                              GError **error)
{
    for (guint i = 0; variables != NULL && i < variables->keys->len; i++) {
        const CcbNode *key = variables->keys->pdata[i];
        if (strcmp(key->file, file) != 0 || g_hash_table_contains(used, key->text))
            continue;
        g_autofree gpointer *names = g_hash_table_get_keys_as_array(used, NULL);
        const char *meant = ccb_did_you_mean(key->text, (const char *const *)names);
        ccb_node_fail(key, error, "nothing uses the variable \"%s\"", key->text);
        return meant ? ccb_hint(error, "did you mean \"%s\"?", meant)
                     : ccb_hint(error, "use it as ${%s}, or take it out", key->text);
    }
    return true;
}

bool ccb_variables_set(CcbNode *variables, const char *setting, GError **error)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting)
        return ccb_fail(error, CCB_ERR_USAGE, "--set %s: expected NAME=VALUE", setting);
    g_autofree char *name = g_strndup(setting, (gsize)(equals - setting));
    CcbNode *variable = variables ? ccb_node_get(variables, name) : NULL;
    if (variable == NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "--set %s: the recipe has no variable \"%s\"", setting,
                 name);
        const char *meant = suggest(variables, name);
        return meant ? ccb_hint(error, "did you mean \"%s\"?", meant) : false;
    }
    g_free(variable->text);
    variable->text = g_strdup(equals + 1);
    variable->plain = false;
    return true;
}
