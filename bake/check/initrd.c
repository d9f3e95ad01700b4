/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/initrd.h"

#include <string.h>

#include "base/error.h"
#include "check/guest-module.h"
#include "image/initramfs.h"

static bool is_modprobe_file(const char *path, void *user)
{
    for (const char *const *dir = ccb_modprobe_dirs; *dir != NULL; dir++)
        if (g_str_has_prefix(path, *dir) && strchr(path + strlen(*dir), '/') == NULL)
            return g_str_has_suffix(path, ".conf");
    return false;
}

static bool is_of_kernel(const char *path, const char *kver)
{
    const char *at = strstr(path, "lib/modules/");
    if (at == NULL)
        return false;
    at += strlen("lib/modules/");
    return g_str_has_prefix(at, kver) && at[strlen(kver)] == '/';
}

/* A link to /dev/null is how a file of the same name elsewhere is switched off; other links are
 * not followed, and what they lead to must not count as read. */
static bool keep_content(CcbInitrd *initrd, const CcbInitramfsEntry *entry, const void *data,
                         GError **error)
{
    bool linked = entry->target != NULL;
    if (linked && !g_str_equal(entry->target, "/dev/null"))
        return ccb_fail(error, CCB_ERR_INPUT, "%s is a link to %s, which is not followed",
                        entry->path, entry->target);
    g_hash_table_insert(initrd->files, g_strdup(entry->path),
                        linked ? g_bytes_new("", 0) : g_bytes_new(data, entry->size));
    return true;
}

static bool visit(const CcbInitramfsEntry *entry, const void *data, void *user, GError **error)
{
    CcbInitrd *initrd = user;
    initrd->entries += 1;
    if ((data != NULL || entry->target != NULL) && is_modprobe_file(entry->path, NULL) &&
        !keep_content(initrd, entry, data, error))
        return false;
    char *module = is_of_kernel(entry->path, initrd->kver) ? ccb_module_name(entry->path) : NULL;
    if (module != NULL)
        g_hash_table_insert(initrd->modules, module, g_strdup(entry->path));
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

static CcbInitrd *new_initrd(char *path, const char *kver)
{
    CcbInitrd *initrd = g_new0(CcbInitrd, 1);
    initrd->path = path;
    initrd->kver = g_strdup(kver);
    initrd->modules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    initrd->files =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    initrd->modprobe = ccb_modprobe_new();
    return initrd;
}

/* The first word of the entry's initrd= that is a path: further ones are variables
 * ($tuned_initrd). */
static char *initrd_word(const CcbBootEntry *entry)
{
    g_auto(GStrv) words = g_strsplit_set(entry->initrd ? entry->initrd : "", " \t", -1);
    for (char **word = words; *word != NULL; word++)
        if (**word == '/')
            return g_strdup(*word);
    return NULL;
}

static char *initrd_path(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    bool present = false;
    g_autofree char *word = initrd_word(entry);
    if (word == NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "%s names no initramfs", entry->path);
        return NULL;
    }
    if (!ccb_check_present(ctx, word, &present, error))
        return NULL;
    /* With a /boot of its own, paths count from there. */
    return present ? g_steal_pointer(&word) : g_strconcat("/boot", word, NULL);
}

static bool walk_initrd(CcbCheckContext *ctx, CcbInitrd *initrd, GError **error)
{
    g_autoptr(GBytes) file = ccb_check_download(ctx, initrd->path, CCB_INITRAMFS_MAX, error);
    if (file == NULL)
        return false;
    gsize size;
    const void *data = g_bytes_get_data(file, &size);
    if (ccb_initramfs_walk(data, size, is_modprobe_file, visit, initrd, error))
        return true;
    g_prefix_error(error, "%s: ", initrd->path);
    return false;
}

static bool add_rules(CcbInitrd *initrd, GError **error)
{
    g_autoptr(GPtrArray) files = ccb_modprobe_order("", initrd->files);
    for (guint i = 0; i < files->len; i++) {
        const char *path = g_ptr_array_index(files, i);
        g_autofree char *shown = g_strconcat(initrd->path, ": ", path, NULL);
        gsize size;
        const void *data = g_bytes_get_data(g_hash_table_lookup(initrd->files, path), &size);
        if (!ccb_modprobe_add(initrd->modprobe, data, size, shown, error))
            return false;
    }
    return true;
}

static CcbInitrd *read_initrd(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    char *path = initrd_path(ctx, entry, error);
    if (path == NULL)
        return NULL;
    CcbInitrd *initrd = new_initrd(path, entry->kver);
    if (walk_initrd(ctx, initrd, error) && add_rules(initrd, error))
        return initrd;
    free_initrd(initrd);
    return NULL;
}

static gpointer produce_initrds(CcbCheckContext *ctx, const char *name, GError **error)
{
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    if (entries == NULL)
        return NULL;
    g_autoptr(GPtrArray) initrds = g_ptr_array_new_with_free_func(free_initrd);
    for (guint i = 0; i < entries->len; i++) {
        CcbInitrd *initrd = read_initrd(ctx, entries->pdata[i], error);
        if (initrd == NULL)
            return NULL;
        g_ptr_array_add(initrds, initrd);
    }
    return g_steal_pointer(&initrds);
}

static void free_array(gpointer array)
{
    g_ptr_array_unref(array);
}

const GPtrArray *ccb_check_initrds(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "initrds", "", produce_initrds, free_array, error);
}
