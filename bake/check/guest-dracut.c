/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-dracut.h"

#include <string.h>

#include "base/error.h"
#include "text/shellvars.h"

static const char main_file[] = "/etc/dracut.conf";
/* The later one hides files of the earlier one. */
static const char *const directories[] = {"/usr/lib/dracut/dracut.conf.d", "/etc/dracut.conf.d",
                                          NULL};

static bool add_value(CcbCheckContext *ctx, const char *path, const char *name, GString *values,
                      GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return true;
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    g_autofree char *value = ccb_shellvars_get(vars, name);
    if (value != NULL)
        g_string_append_printf(values, "%s%s", values->len > 0 ? " " : "", value);
    return true;
}

static int by_name(gconstpointer a, gconstpointer b, gpointer unused)
{
    return strcmp(a, b);
}

char *ccb_check_dracut(CcbCheckContext *ctx, const char *name, GError **error)
{
    g_autoptr(GTree) paths = g_tree_new_full(by_name, NULL, g_free, g_free);
    for (const char *const *dir = directories; *dir != NULL; dir++) {
        char **names = ccb_check_list(ctx, *dir, error);
        if (names == NULL)
            return NULL;
        for (; *names != NULL; names++)
            if (g_str_has_suffix(*names, ".conf"))
                g_tree_insert(paths, g_strdup(*names), g_build_filename(*dir, *names, NULL));
    }
    g_autoptr(GString) values = g_string_new(NULL);
    if (!add_value(ctx, main_file, name, values, error))
        return NULL;
    for (GTreeNode *node = g_tree_node_first(paths); node != NULL; node = g_tree_node_next(node))
        if (!add_value(ctx, g_tree_node_value(node), name, values, error))
            return NULL;
    return g_string_free(g_steal_pointer(&values), FALSE);
}
