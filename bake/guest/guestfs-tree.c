/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/guestfs-tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/quantity.h"

bool ccb_guestfs_fail(guestfs_h *g, GError **error, CcbErrorCode code, const char *what,
                      const char *path)
{
    if (ccb_cancel_check(error))
        return false;
    const char *reason = guestfs_last_error(g);
    return ccb_fail(error, code, "%s %s in the guest: %s", what, path,
                    reason ? reason : "no reason given");
}

char **ccb_guestfs_take_list(char **from_guestfs)
{
    char **copy = g_strdupv(from_guestfs);
    for (char **name = from_guestfs; name != NULL && *name != NULL; name++)
        free(*name);
    free(from_guestfs);
    return copy;
}

char **ccb_guestfs_list(guestfs_h *g, const char *path, GError **error)
{
    char **names = guestfs_ls(g, path);
    if (names == NULL)
        ccb_guestfs_fail(g, error, CCB_ERR_INPUT, "listing", path);
    return ccb_guestfs_take_list(names);
}

/* The paths below a directory. */
static char **find_paths(guestfs_h *g, const char *path, GError **error)
{
    char **names = guestfs_find(g, path);
    if (names == NULL)
        ccb_guestfs_fail(g, error, CCB_ERR_INPUT, "listing", path);
    char **list = ccb_guestfs_take_list(names);
    for (char **name = list; name != NULL && *name != NULL; name++) {
        size_t slashes = strspn(*name, "/"); /* the daemon leaves one in front of them */
        memmove(*name, *name + slashes, strlen(*name + slashes) + 1);
    }
    return list;
}

/* The targets of the links among the entries of one directory, from `first` on. */
static bool read_targets(guestfs_h *g, const char *path, char **names, GPtrArray *entries,
                         guint first, GError **error)
{
    g_autoptr(GPtrArray) links = g_ptr_array_new();
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    for (guint i = first; i < entries->len; i++) {
        CcbGuestEntry *entry = entries->pdata[i];
        if (S_ISLNK(entry->st.mode)) {
            g_ptr_array_add(links, entry);
            g_ptr_array_add(wanted, names[i - first]);
        }
    }
    g_ptr_array_add(wanted, NULL);
    if (links->len == 0)
        return true;
    char **targets = guestfs_readlinklist(g, path, (char **)wanted->pdata);
    if (targets == NULL)
        return ccb_guestfs_fail(g, error, CCB_ERR_INPUT, "reading the links in", path);
    g_auto(GStrv) list = ccb_guestfs_take_list(targets);
    for (guint i = 0; i < links->len && list[i] != NULL; i++)
        ((CcbGuestEntry *)links->pdata[i])->target = g_strdup(list[i]);
    return g_strv_length(list) == links->len ||
           ccb_fail(error, CCB_ERR_INPUT, "the links in %s of the guest can't be read", path);
}

/* One message or two for what is in a directory, a thousand names at a time. */
static bool walk_directory(guestfs_h *g, const char *root, const char *directory, char **names,
                           GPtrArray *entries, GError **error)
{
    g_autofree char *path = g_build_filename(root, directory, NULL);
    guint first = entries->len, n = g_strv_length(names);
    struct guestfs_statns_list *stats = guestfs_lstatnslist(g, path, names);
    if (stats == NULL)
        return ccb_guestfs_fail(g, error, CCB_ERR_INPUT, "looking at what is in", path);
    bool ok = stats->len == n;
    for (guint i = 0; ok && i < n; i++) {
        const struct guestfs_statns *st = &stats->val[i];
        ok = st->st_ino != -1; /* where lstat(2) failed */
        if (!ok)
            break;
        CcbGuestEntry *entry = g_new0(CcbGuestEntry, 1);
        entry->path =
            directory[0] ? g_strconcat(directory, "/", names[i], NULL) : g_strdup(names[i]);
        entry->st = (CcbStat){(mode_t)st->st_mode, (uid_t)st->st_uid, (gid_t)st->st_gid,
                              (uint64_t)st->st_size};
        entry->mtime_ns = ccb_nanoseconds(st->st_mtime_sec, (long)st->st_mtime_nsec);
        entry->ctime_ns = ccb_nanoseconds(st->st_ctime_sec, (long)st->st_ctime_nsec);
        g_ptr_array_add(entries, entry);
    }
    guestfs_free_statns_list(stats);
    if (!ok)
        return ccb_fail(error, CCB_ERR_INPUT, "looking at what is in %s in the guest", path);
    return read_targets(g, path, names, entries, first, error);
}

bool ccb_guestfs_walk(guestfs_h *g, const char *path, GPtrArray *entries, GError **error)
{
    g_auto(GStrv) paths = find_paths(g, path, error);
    if (paths == NULL)
        return false;
    /* Directory ► GPtrArray of the names in it, ended by a NULL. */
    g_autoptr(GHashTable) directories =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (char **at = paths; *at != NULL; at++) {
        const char *slash = strrchr(*at, '/');
        g_autofree char *directory = g_strndup(*at, slash != NULL ? (gsize)(slash - *at) : 0);
        GPtrArray *names = g_hash_table_lookup(directories, directory);
        if (names == NULL) {
            names = g_ptr_array_new_null_terminated(16, g_free, TRUE);
            g_hash_table_insert(directories, g_steal_pointer(&directory), names);
        }
        g_ptr_array_add(names, g_strdup(slash != NULL ? slash + 1 : *at));
    }
    GHashTableIter iter;
    gpointer directory, names;
    g_hash_table_iter_init(&iter, directories);
    while (g_hash_table_iter_next(&iter, &directory, &names))
        if (!walk_directory(g, path, directory, (char **)((GPtrArray *)names)->pdata, entries,
                            error))
            return false;
    return true;
}
