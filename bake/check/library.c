/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/library.h"

#include <string.h>

#include "image/elf.h"

/* el8's, and Debian's (stand-ins). */
static const char *const directories[] = {CCB_LIBRARY_DIR, "/usr/lib/x86_64-linux-gnu", NULL};

GPtrArray *ccb_check_library_versions(CcbCheckContext *ctx, const char *prefix, GError **error)
{
    GPtrArray *versions = g_ptr_array_new();
    for (const char *const *dir = directories; *dir != NULL; dir++)
        for (char **name = ccb_check_list(ctx, *dir, error); *name != NULL; name++) {
            char *version = *name + strlen(prefix);
            if (g_str_has_prefix(*name, prefix) && strchr(version, '.') != NULL)
                g_ptr_array_add(versions, version);
        }
    return versions;
}

bool ccb_check_has_library(CcbCheckContext *ctx, const char *name, GError **error)
{
    bool has = false;
    for (const char *const *dir = directories; !has && *dir != NULL; dir++) {
        g_autofree char *path = g_build_filename(*dir, name, NULL);
        has = ccb_check_exists(ctx, path, error);
    }
    return has;
}

/* --- what ld.so finds */

enum { ELF_MAX = 256 << 20 }; /* bytes; libcuda has 30 MB */

/* ld.so's own directories, and those that ld.so.conf names: ldconfig's cache holds no others. */
static GPtrArray *search_path(CcbCheckContext *ctx, GError **error)
{
    static const char *const builtin[] = {"/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu",
                                          "/usr/lib/x86_64-linux-gnu"};
    GPtrArray *dirs = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < G_N_ELEMENTS(builtin); i++)
        g_ptr_array_add(dirs, g_strdup(builtin[i]));
    g_autoptr(GStrvBuilder) files = g_strv_builder_new();
    g_auto(GStrv) included = ccb_check_paths(ctx, "/etc/ld.so.conf.d", ".conf", error);
    g_strv_builder_add(files, "/etc/ld.so.conf");
    g_strv_builder_addv(files, (const char **)included);
    g_auto(GStrv) paths = g_strv_builder_end(files);
    for (char **path = paths; *path != NULL; path++) {
        g_auto(GStrv) lines = ccb_check_lines(ctx, *path, error);
        for (char **line = lines; *line != NULL; line++)
            if (**line == '/')
                g_ptr_array_add(dirs, g_strdup(*line));
    }
    return dirs;
}

/* NULL: it is nowhere. */
static char *find_in(CcbCheckContext *ctx, const GPtrArray *dirs, const char *origin,
                     const char *name, GError **error)
{
    for (guint i = 0; i < dirs->len; i++) {
        g_autoptr(GString) dir = g_string_new(dirs->pdata[i]);
        g_string_replace(dir, "$ORIGIN", origin, 0);
        g_string_replace(dir, "${ORIGIN}", origin, 0);
        g_autofree char *path = g_build_filename(dir->str, name, NULL);
        if (ccb_check_exists(ctx, path, error))
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* Adds to `files` what one of them needs, where it is not there yet. */
static void add_needed(CcbCheckContext *ctx, const char *path, const GPtrArray *dirs,
                       GPtrArray *files, CcbCheckResult *result, GError **error)
{
    g_autoptr(GBytes) bytes = ccb_check_download(ctx, path, ELF_MAX, error);
    if (bytes == NULL)
        return;
    gsize size = 0;
    const void *data = g_bytes_get_data(bytes, &size);
    g_autoptr(CcbElfDynamic) dynamic = ccb_elf_dynamic(data, size, error);
    if (*error != NULL)
        g_prefix_error(error, "%s: ", path);
    g_autofree char *origin = g_path_get_dirname(path);
    for (guint i = 0; dynamic != NULL && i < dynamic->needed->len; i++) {
        const char *name = dynamic->needed->pdata[i];
        g_autofree char *found = find_in(ctx, dynamic->paths, origin, name, error);
        if (found == NULL)
            found = find_in(ctx, dirs, origin, name, error);
        if (found == NULL)
            ccb_result_fail(result, "%s needs %s, which is missing", path, name);
        else if (!g_ptr_array_find_with_equal_func(files, found, g_str_equal, NULL))
            g_ptr_array_add(files, g_steal_pointer(&found));
    }
}

void ccb_check_needed(CcbCheckContext *ctx, const char *program, CcbCheckResult *result,
                      GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    if (ccb_check_exists(ctx, program, error))
        g_ptr_array_add(files, g_strdup(program));
    g_autoptr(GPtrArray) dirs = search_path(ctx, error);
    for (guint i = 0; i < files->len; i++) /* it grows */
        add_needed(ctx, files->pdata[i], dirs, files, result, error);
}
