/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-dracut.h"

#include <string.h>

static void add_value(CcbCheckContext *ctx, const char *path, const char *name, GString *values,
                      GError **error)
{
    g_autoptr(CcbShellvars) vars = ccb_check_shellvars(ctx, path, error);
    g_autofree char *value = vars != NULL ? ccb_shellvars_get(vars, name) : NULL;
    if (value != NULL)
        g_string_append_printf(values, "%s%s", values->len > 0 ? " " : "", value);
}

static int by_name(gconstpointer a, gconstpointer b, gpointer unused)
{
    return strcmp(a, b);
}

char *ccb_check_dracut(CcbCheckContext *ctx, const char *name, GError **error)
{
    static const char *const directories[] = {"/usr/lib/dracut/dracut.conf.d",
                                              "/etc/dracut.conf.d"};
    g_autoptr(GTree) files = g_tree_new_full(by_name, NULL, g_free, g_free); /* name ► path */
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_auto(GStrv) paths = ccb_check_paths(ctx, directories[i], ".conf", error);
        for (char **path = paths; *path != NULL; path++)
            g_tree_insert(files, g_path_get_basename(*path), g_strdup(*path));
    }
    GString *values = g_string_new(NULL);
    add_value(ctx, "/etc/dracut.conf", name, values, error);
    for (GTreeNode *node = g_tree_node_first(files); node != NULL; node = g_tree_node_next(node))
        add_value(ctx, g_tree_node_value(node), name, values, error);
    return g_string_free(values, FALSE);
}
