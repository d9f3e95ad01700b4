/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/library.h"

#include <string.h>

/* el8's, and Debian's (stand-ins). */
static const char *const directories[] = {CCB_LIBRARY_DIR, "/usr/lib/x86_64-linux-gnu", NULL};

GPtrArray *ccb_check_library_versions(CcbCheckContext *ctx, const char *prefix, GError **error)
{
    g_autoptr(GPtrArray) versions = g_ptr_array_new();
    for (const char *const *dir = directories; *dir != NULL; dir++) {
        char **names = ccb_check_list(ctx, *dir, error);
        if (names == NULL)
            return NULL;
        for (; *names != NULL; names++) {
            const char *version = *names + strlen(prefix);
            if (g_str_has_prefix(*names, prefix) && strchr(version, '.') != NULL)
                g_ptr_array_add(versions, (char *)version);
        }
    }
    return g_steal_pointer(&versions);
}

bool ccb_check_has_library(CcbCheckContext *ctx, const char *name, bool *ret_has, GError **error)
{
    bool has = false;
    for (const char *const *dir = directories; !has && *dir != NULL; dir++) {
        g_autofree char *path = g_build_filename(*dir, name, NULL);
        if (!ccb_check_present(ctx, path, &has, error))
            return false;
    }
    *ret_has = has;
    return true;
}
