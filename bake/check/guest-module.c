/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-module.h"

#include "base/error.h"

static bool is_module(const char *path, const char *name)
{
    g_autofree char *module = ccb_module_name(path);
    g_autofree char *wanted = g_strdelimit(g_strdup(name), "-", '_');
    return module != NULL && g_str_equal(module, wanted);
}

bool ccb_check_module_paths(CcbCheckContext *ctx, const char *kver, const char *name,
                            GPtrArray **ret_paths, GError **error)
{
    g_autofree char *root = g_strconcat("/lib/modules/", kver, NULL);
    char **paths = ccb_check_tree(ctx, root, error);
    if (paths == NULL)
        return false;
    GPtrArray *found = g_ptr_array_new();
    for (; *paths != NULL; paths++)
        if (is_module(*paths, name))
            g_ptr_array_add(found, *paths);
    *ret_paths = found;
    return true;
}

static void free_module(gpointer module)
{
    ccb_module_free(module);
}

static gpointer produce_module(CcbCheckContext *ctx, const char *path, GError **error)
{
    g_autoptr(GBytes) file = ccb_check_download(ctx, path, CCB_MODULE_MAX, error);
    if (file == NULL)
        return NULL;
    gsize size;
    const void *data = g_bytes_get_data(file, &size);
    CcbModule *module = ccb_module_parse(data, size, error);
    if (module == NULL)
        g_prefix_error(error, "%s: ", path);
    return module;
}

bool ccb_check_module(CcbCheckContext *ctx, const char *kver, const char *name,
                      const CcbModule **ret, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    if (!ccb_check_module_paths(ctx, kver, name, &paths, error))
        return false;
    if (paths->len == 0) {
        *ret = NULL;
        return true;
    }
    g_autofree char *path =
        g_strconcat("/lib/modules/", kver, "/", g_ptr_array_index(paths, 0), NULL);
    const CcbModule *module =
        ccb_check_memo(ctx, "module", path, produce_module, free_module, error);
    if (module == NULL)
        return false;
    *ret = module;
    return true;
}

const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error)
{
    const CcbModule *module = NULL;
    if (ctx->expect->driver != NULL)
        return ctx->expect->driver;
    const char *kver = ccb_check_kver(ctx, error);
    if (kver == NULL || !ccb_check_module(ctx, kver, "nvidia", &module, error))
        return NULL;
    const char *version = module != NULL ? ccb_module_get(module, "version") : NULL;
    if (version == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s, so the driver's version is not known",
                 module != NULL ? "nvidia.ko has no version"
                                : "there is no nvidia.ko for the kernel that boots");
    return version;
}

bool ccb_check_skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result)
{
    return ctx->gpus == 0 &&
           ccb_result_skip(result, ctx->expect->no_driver ? "no driver is asked for"
                                                          : "there is no driver (driver.present)");
}

static bool has_module(CcbCheckContext *ctx, const char *kver, bool *ret_has, GError **error)
{
    for (const char *const *name = ccb_driver_modules; !*ret_has && *name != NULL; name++) {
        g_autoptr(GPtrArray) paths = NULL;
        if (!ccb_check_module_paths(ctx, kver, *name, &paths, error))
            return false;
        *ret_has = paths->len > 0;
    }
    return true;
}

bool ccb_check_has_driver(CcbCheckContext *ctx, bool *ret_has, GError **error)
{
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    bool has = false;
    for (guint i = 0; entries != NULL && i < entries->len; i++)
        if (!has_module(ctx, ((CcbBootEntry *)entries->pdata[i])->kver, &has, error))
            return false;
    if (entries == NULL || (!has && !ccb_check_present(ctx, "/usr/bin/nvidia-smi", &has, error)))
        return false;
    char **package = has ? NULL : ccb_check_packages(ctx, error);
    if (!has && package == NULL)
        return false;
    for (; !has && *package != NULL; package++)
        has = ccb_driver_is_package(*package);
    *ret_has = has;
    return true;
}

static bool add_directory(CcbCheckContext *ctx, const char *directory, GHashTable *paths,
                          GError **error)
{
    g_autofree char *bare = g_strdup_printf("/%.*s", (int)strlen(directory) - 1, directory);
    char **names = ccb_check_list(ctx, bare, error);
    for (; names != NULL && *names != NULL; names++)
        if (g_str_has_suffix(*names, ".conf"))
            g_hash_table_add(paths, g_build_filename(bare, *names, NULL));
    return names != NULL;
}

static bool add_file(CcbCheckContext *ctx, CcbModprobe *config, const char *path, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    return file->text == NULL || ccb_modprobe_add(config, file->text, file->size, path, error);
}

static gpointer produce_config(CcbCheckContext *ctx, const char *name, GError **error)
{
    g_autoptr(CcbModprobe) config = ccb_modprobe_new();
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *dir = ccb_modprobe_dirs; *dir != NULL; dir++)
        if (!add_directory(ctx, *dir, paths, error))
            return NULL;
    g_autoptr(GPtrArray) files = ccb_modprobe_order("/", paths);
    for (guint i = 0; i < files->len; i++)
        if (!add_file(ctx, config, g_ptr_array_index(files, i), error))
            return NULL;
    return g_steal_pointer(&config);
}

static void free_config(gpointer config)
{
    ccb_modprobe_free(config);
}

const CcbModprobe *ccb_check_modprobe(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "modprobe", "", produce_config, free_config, error);
}
