/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/built.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/reaper.h"

#define LIST "files.json"

/* NULL: the directory of all. */
static char *path_of(const char *key)
{
    return g_build_filename(ccb_cache_dir(), "built", key, NULL);
}

void ccb_built_free(CcbBuilt *built)
{
    if (built == NULL)
        return;
    ccb_close_fd(&built->lock);
    g_free(built->key);
    g_free(built->dir);
    g_free(built);
}

static CcbBuilt *describe(const char *key)
{
    struct stat st;
    const char *name;
    CcbBuilt *built = g_new0(CcbBuilt, 1);
    built->key = g_strdup(key);
    built->dir = path_of(key);
    built->used = stat(built->dir, &st) == 0 ? st.st_mtime : 0;
    built->lock = -1;
    g_autoptr(GDir) list = g_dir_open(built->dir, 0, NULL);
    while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(built->dir, name, NULL);
        if (lstat(path, &st) == 0)
            built->size += (uint64_t)st.st_size;
    }
    return built;
}

/* The lock of a set, as a descriptor; -1: it is not there, or another process holds the lock.  `how`: LOCK_EX or LOCK_SH.
 * Between our open() and flock() the set may be removed, and another one published under its name: the lock of the first
 * does not keep the second. */
static int take_lock(const char *dir, int how)
{
    for (;;) {
        struct stat held, named;
        ccb_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || flock(fd, how | LOCK_NB) != 0 || fstat(fd, &held) != 0)
            return -1;
        if (stat(dir, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino)
            return ccb_steal_fd(&fd);
    }
}

/* SHA-256 of every file but the list; new reference. */
static json_t *digest_files(const char *dir, GError **error)
{
    const char *name;
    json_auto_t *files = json_object();
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (strcmp(name, LIST) == 0)
            continue;
        g_autofree char *digest = ccb_digest_file(path, error);
        if (digest == NULL)
            return NULL;
        json_object_set_new(files, name, json_string(digest));
    }
    return g_steal_pointer(&files);
}

CcbBuilt *ccb_built_find(const char *key, GError **error)
{
    g_autofree char *dir = path_of(key);
    ccb_autofd int lock = take_lock(dir, LOCK_SH);
    if (lock < 0)
        return NULL;
    g_autoptr(CcbBuilt) built = describe(key);
    built->lock = ccb_steal_fd(&lock);
    g_autofree char *list = g_build_filename(built->dir, LIST, NULL);
    json_auto_t *expected = json_load_file(list, 0, NULL);
    json_auto_t *found = digest_files(built->dir, error);
    if (found == NULL)
        return NULL;
    if (json_equal(expected, found)) {
        futimens(built->lock, NULL);
        return g_steal_pointer(&built);
    }
    ccb_close_fd(&built->lock);
    if (ccb_built_remove(key))
        ccb_warn("what was built as %.12s is damaged: dropped", key);
    return NULL;
}

char *ccb_built_begin(const char *key, GError **error)
{
    g_autofree char *parent = ccb_cache_room("built", error);
    g_autofree char *pattern = g_strdup_printf("%s/%s.*.part", parent, key);
    return parent != NULL ? ccb_reaper_mkdir(pattern, 0755, error) : NULL;
}

void ccb_built_abandon(const char *dir)
{
    if (ccb_remove_tree(dir, NULL)) /* what could not be removed, the reaper tries again */
        ccb_reaper_release(dir);
}

/* No fsync of the files: what a crash cuts short does not have its digest. */
bool ccb_built_publish(const char *key, const char *dir, GError **error)
{
    g_autofree char *path = path_of(key);
    g_autofree char *list = g_build_filename(dir, LIST, NULL);
    json_auto_t *files = digest_files(dir, error);
    char *text = files != NULL ? json_dumps(files, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    bool ok = text != NULL && ccb_write_file_atomic(list, text, strlen(text), error);
    free(text);
    if (ok && rename(dir, path) == 0) {
        ccb_reaper_release(dir);
        return true;
    }
    /* Another process may have published the same before. */
    if (ok && errno != EEXIST && errno != ENOTEMPTY)
        ok = ccb_fail_errno(error, CCB_ERR_IO, "renaming %s", dir);
    ccb_built_abandon(dir);
    return ok;
}

GPtrArray *ccb_built_list(void)
{
    const char *name;
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_built_free);
    g_autofree char *dir = path_of(NULL);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    while (list != NULL && (name = g_dir_read_name(list)) != NULL)
        if (ccb_digest_is_valid(name))
            g_ptr_array_add(all, describe(name));
    return all;
}

bool ccb_built_remove(const char *key)
{
    g_autofree char *dir = path_of(key);
    ccb_autofd int lock = take_lock(dir, LOCK_EX);
    return lock >= 0 && ccb_remove_tree(dir, NULL);
}

bool ccb_built_is_used(const char *key)
{
    g_autofree char *dir = path_of(key);
    ccb_autofd int lock = take_lock(dir, LOCK_EX);
    return lock < 0;
}
