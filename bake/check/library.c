/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/library.h"

#include <string.h>

#include "image/elf.h"

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

/* --- what ld.so finds */

enum { ELF_MAX = 256 << 20 }; /* bytes; libcuda has 30 MB */

/* ld.so's own, and those that ld.so.conf names: ldconfig's cache holds no others. */
static bool add_configured(CcbCheckContext *ctx, const char *path, GPtrArray *dirs, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    g_auto(GStrv) lines = g_strsplit(file->text != NULL ? file->text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (g_strchug(*line)[0] == '/')
            g_ptr_array_add(dirs, g_strdup(g_strchomp(*line)));
    return true;
}

static GPtrArray *search_path(CcbCheckContext *ctx, GError **error)
{
    static const char *const builtin[] = {"/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu",
                                          "/usr/lib/x86_64-linux-gnu"};
    static const char conf_d[] = "/etc/ld.so.conf.d";
    g_autoptr(GPtrArray) dirs = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < G_N_ELEMENTS(builtin); i++)
        g_ptr_array_add(dirs, g_strdup(builtin[i]));
    char **names = ccb_check_list(ctx, conf_d, error);
    if (names == NULL || !add_configured(ctx, "/etc/ld.so.conf", dirs, error))
        return NULL;
    for (; *names != NULL; names++) {
        g_autofree char *path = g_build_filename(conf_d, *names, NULL);
        if (g_str_has_suffix(*names, ".conf") && !add_configured(ctx, path, dirs, error))
            return NULL;
    }
    return g_steal_pointer(&dirs);
}

/* *ret_path NULL: it is nowhere. */
static bool find_in(CcbCheckContext *ctx, const GPtrArray *dirs, const char *origin,
                    const char *name, char **ret_path, GError **error)
{
    for (guint i = 0; *ret_path == NULL && i < dirs->len; i++) {
        g_autoptr(GString) dir = g_string_new(dirs->pdata[i]);
        bool present = false;
        g_string_replace(dir, "$ORIGIN", origin, 0);
        g_string_replace(dir, "${ORIGIN}", origin, 0);
        g_autofree char *path = g_build_filename(dir->str, name, NULL);
        if (!ccb_check_present(ctx, path, &present, error))
            return false;
        if (present)
            *ret_path = g_steal_pointer(&path);
    }
    return true;
}

/* Adds what one file needs to `files`, where it is not there yet. */
static bool add_needed(CcbCheckContext *ctx, const char *path, const GPtrArray *dirs,
                       GPtrArray *files, CcbCheckResult *result, GError **error)
{
    g_autoptr(GBytes) bytes = ccb_check_download(ctx, path, ELF_MAX, error);
    if (bytes == NULL)
        return false;
    gsize size = 0;
    const void *data = g_bytes_get_data(bytes, &size);
    GError *reason = NULL;
    g_autoptr(CcbElfDynamic) dynamic = ccb_elf_dynamic(data, size, &reason);
    if (reason != NULL) {
        g_propagate_prefixed_error(error, reason, "%s: ", path);
        return false;
    }
    g_autofree char *origin = g_path_get_dirname(path);
    for (guint i = 0; dynamic != NULL && i < dynamic->needed->len; i++) {
        const char *name = dynamic->needed->pdata[i];
        g_autofree char *found = NULL;
        if (!find_in(ctx, dynamic->paths, origin, name, &found, error) ||
            !find_in(ctx, dirs, origin, name, &found, error))
            return false;
        if (found == NULL)
            ccb_result_fail(result, "%s needs %s, which is missing", path, name);
        else if (!g_ptr_array_find_with_equal_func(files, found, g_str_equal, NULL))
            g_ptr_array_add(files, g_steal_pointer(&found));
    }
    return true;
}

bool ccb_check_needed(CcbCheckContext *ctx, const char *program, CcbCheckResult *result,
                      GError **error)
{
    bool present = false;
    if (!ccb_check_present(ctx, program, &present, error))
        return false;
    g_autoptr(GPtrArray) dirs = search_path(ctx, error);
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    if (present)
        g_ptr_array_add(files, g_strdup(program));
    for (guint i = 0; dirs != NULL && i < files->len; i++) /* it grows */
        if (!add_needed(ctx, files->pdata[i], dirs, files, result, error))
            return false;
    return dirs != NULL;
}
