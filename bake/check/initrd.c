/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/initrd.h"

#include <string.h>

#include "base/error.h"
#include "image/initramfs.h"
#include "image/module.h"

static bool is_modprobe_file(const char *path, void *user)
{
    for (const char *const *dir = ccb_modprobe_dirs; *dir != NULL; dir++)
        if (g_str_has_prefix(path, *dir) && strchr(path + strlen(*dir), '/') == NULL)
            return g_str_has_suffix(path, ".conf");
    return false;
}

static bool visit(const CcbInitramfsEntry *entry, const void *data, void *user, GError **error)
{
    CcbInitrd *initrd = user;
    if ((data != NULL || entry->target != NULL) && is_modprobe_file(entry->path, NULL)) {
        /* A link to /dev/null is how a file of the same name elsewhere is switched off; other links
         * are not followed, and what they lead to must not count as read. */
        if (entry->target != NULL && !g_str_equal(entry->target, "/dev/null"))
            return ccb_fail(error, CCB_ERR_INPUT, "%s is a link to %s, which is not followed",
                            entry->path, entry->target);
        g_hash_table_insert(initrd->files, g_strdup(entry->path),
                            entry->target != NULL ? g_bytes_new("", 0)
                                                  : g_bytes_new(data, entry->size));
    }
    g_autofree char *modules = g_strdup_printf("lib/modules/%s/", initrd->kver);
    char *module = strstr(entry->path, modules) != NULL ? ccb_module_name(entry->path) : NULL;
    if (module != NULL)
        g_hash_table_add(initrd->modules, module);
    return true;
}

static void free_initrd(gpointer data)
{
    CcbInitrd *initrd = data;
    g_free(initrd->path);
    g_free(initrd->kver);
    g_hash_table_unref(initrd->modules);
    g_hash_table_unref(initrd->files);
    ccb_modprobe_free(initrd->modprobe);
    g_free(initrd);
}

/* Adds what is in one of the files. */
static bool read_file(CcbCheckContext *ctx, CcbInitrd *initrd, const char *path, GError **error)
{
    gsize size;
    g_autoptr(GBytes) file = ccb_check_download(ctx, path, CCB_INITRAMFS_MAX, error);
    if (file == NULL)
        return false;
    const void *data = g_bytes_get_data(file, &size);
    if (ccb_initramfs_walk(data, size, is_modprobe_file, visit, initrd, error))
        return true;
    g_prefix_error(error, "%s: ", path);
    return false;
}

/* GRUB loads all files of the entry, and the kernel unpacks one over the other. */
static CcbInitrd *read_initrd(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    CcbInitrd *initrd = g_new0(CcbInitrd, 1);
    initrd->path = g_strdup(entry->initrd != NULL ? entry->initrd : "");
    initrd->kver = g_strdup(entry->kver);
    initrd->modules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    initrd->files =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    initrd->modprobe = ccb_modprobe_new();
    g_auto(GStrv) paths = g_strsplit(initrd->path, " ", -1);
    if (paths[0] == NULL && *error == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s names no initramfs", entry->path);
    for (char **path = paths; *path != NULL; path++)
        if (!read_file(ctx, initrd, *path, error))
            return initrd;
    g_autoptr(GPtrArray) order = ccb_modprobe_order("", initrd->files);
    for (guint i = 0; i < order->len; i++) {
        gsize size;
        g_autofree char *shown = g_strconcat(initrd->path, ": ", order->pdata[i], NULL);
        const void *data =
            g_bytes_get_data(g_hash_table_lookup(initrd->files, order->pdata[i]), &size);
        if (!ccb_modprobe_add(initrd->modprobe, data, size, shown, error))
            break;
    }
    return initrd;
}

static gpointer produce_initrds(CcbCheckContext *ctx, const char *name, GError **error)
{
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    GPtrArray *initrds = g_ptr_array_new_with_free_func(free_initrd);
    for (guint i = 0; *error == NULL && i < entries->len; i++)
        g_ptr_array_add(initrds, read_initrd(ctx, entries->pdata[i], error));
    return initrds;
}

const GPtrArray *ccb_check_initrds(CcbCheckContext *ctx, GError **error)
{
    const GPtrArray *initrds = ccb_check_memo(ctx, "initrds", "", produce_initrds,
                                              (GDestroyNotify)g_ptr_array_unref, error);
    return initrds != NULL ? initrds : ctx->none;
}
