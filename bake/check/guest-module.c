/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-module.h"

#include <string.h>

#include "base/error.h"

GPtrArray *ccb_check_module_paths(CcbCheckContext *ctx, const char *kver, const char *name,
                                  GError **error)
{
    GPtrArray *found = g_ptr_array_new();
    g_autofree char *root = g_strconcat("/lib/modules/", kver, NULL);
    g_autofree char *wanted = g_strdelimit(g_strdup(name), "-", '_');
    for (char **path = ccb_check_tree(ctx, root, error); *path != NULL; path++) {
        g_autofree char *module = ccb_module_name(*path);
        if (g_strcmp0(module, wanted) == 0)
            g_ptr_array_add(found, *path);
    }
    return found;
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

const CcbModule *ccb_check_module(CcbCheckContext *ctx, const char *kver, const char *name,
                                  GError **error)
{
    g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, kver, name, error);
    if (paths->len == 0)
        return NULL;
    g_autofree char *path = g_build_filename("/lib/modules", kver, paths->pdata[0], NULL);
    return ccb_check_memo(ctx, "module", path, produce_module, (GDestroyNotify)ccb_module_free,
                          error);
}

static gpointer produce_modprobe(CcbCheckContext *ctx, const char *name, GError **error)
{
    CcbModprobe *config = ccb_modprobe_new();
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *dir = ccb_modprobe_dirs; *dir != NULL; dir++) {
        g_autofree char *bare = g_strdup_printf("/%.*s", (int)strlen(*dir) - 1, *dir);
        g_auto(GStrv) paths = ccb_check_paths(ctx, bare, ".conf", error);
        for (char **path = paths; *path != NULL; path++)
            g_hash_table_add(found, g_strdup(*path));
    }
    g_autoptr(GPtrArray) paths = ccb_modprobe_order("/", found);
    for (guint i = 0; i < paths->len; i++) {
        const CcbGuestText *file = ccb_check_text(ctx, paths->pdata[i], error);
        if (file->text != NULL &&
            !ccb_modprobe_add(config, file->text, file->size, file->path, error))
            break;
    }
    return config;
}

const CcbModprobe *ccb_check_modprobe(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "modprobe", "", produce_modprobe, (GDestroyNotify)ccb_modprobe_free,
                          error);
}

bool ccb_check_has_driver(CcbCheckContext *ctx, bool *ret_has, GError **error)
{
    g_autoptr(GError) problem = NULL;
    bool has = false;
    const GPtrArray *entries = ccb_check_boot_entries(ctx, &problem);
    for (guint i = 0; i < entries->len; i++)
        for (const char *const *name = ccb_driver_modules; !has && *name != NULL; name++) {
            const CcbBootEntry *entry = entries->pdata[i];
            g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, entry->kver, *name, &problem);
            has = paths->len > 0;
        }
    has = has || ccb_check_exists(ctx, "/usr/bin/nvidia-smi", &problem);
    char **package = has ? NULL : ccb_check_packages(ctx, &problem);
    for (; !has && *package != NULL; package++)
        has = ccb_driver_is_package(*package);
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    *ret_has = has;
    return true;
}

const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (ctx->expect->driver != NULL)
        return ctx->expect->driver;
    const char *kver = ccb_check_kver(ctx, &problem);
    const CcbModule *module = kver != NULL ? ccb_check_module(ctx, kver, "nvidia", &problem) : NULL;
    const char *version = module != NULL ? ccb_module_get(module, "version") : NULL;
    if (version == NULL && problem == NULL)
        ccb_fail(&problem, CCB_ERR_INPUT, "%s, so the driver's version is not known",
                 module != NULL ? "nvidia.ko has no version"
                                : "there is no nvidia.ko for the kernel that boots");
    if (problem != NULL && (error == NULL || *error == NULL))
        g_propagate_error(error, g_steal_pointer(&problem));
    return version;
}

bool ccb_check_skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result)
{
    return ctx->gpus == 0 &&
           ccb_result_skip(result, ctx->expect->no_driver ? "no driver is asked for"
                                                          : "there is no driver (driver.present)");
}

bool ccb_check_skip_unless_gpus(CcbCheckContext *ctx, unsigned gpus, CcbCheckResult *result)
{
    return ccb_check_skip_without_driver(ctx, result) ||
           (ctx->gpus != gpus &&
            ccb_result_skip(result, "the image is for %s", ccb_check_gpus(ctx)));
}

const char *ccb_check_gpus(const CcbCheckContext *ctx)
{
    return ctx->gpus == 1 ? "1 GPU" : "8 GPUs";
}
