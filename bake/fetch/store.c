/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "base/text.h"
#include "host/freespace.h"

struct CcbStore {
    char *dir;
    int lock;
};

CcbStore *ccb_store_open(const char *dir, GError **error)
{
    g_autoptr(CcbStore) store = g_new0(CcbStore, 1);
    store->dir = g_canonicalize_filename(dir, NULL);
    store->lock = -1;
    g_autofree char *partial = g_build_filename(store->dir, "partial", NULL);
    g_autofree char *names = g_build_filename(store->dir, "names", NULL);
    g_autofree char *lock = g_build_filename(store->dir, "lock", NULL);
    if (!ccb_mkdirs(partial, error) || !ccb_mkdirs(names, error))
        return NULL;
    store->lock = ccb_open_regular(lock, O_CREAT | O_RDWR, error);
    if (store->lock < 0)
        return NULL;
    return g_steal_pointer(&store);
}

void ccb_store_free(CcbStore *store)
{
    if (store == NULL)
        return;
    ccb_close_fd(&store->lock);
    g_free(store->dir);
    g_free(store);
}

const char *ccb_store_dir(const CcbStore *store)
{
    return store->dir;
}

char *ccb_store_object_path(const CcbStore *store, const char *sha256)
{
    return g_strdup_printf("%s/%.2s/%s", store->dir, sha256, sha256);
}

/* The byte of DIR/lock that belongs to the object; `type`: F_RDLCK, F_WRLCK or F_UNLCK. */
static bool lock_byte(const CcbStore *store, const char *sha256, short type, int command)
{
    enum { DIGITS = 15 }; /* that fit into an off_t */
    g_autofree char *start = g_strndup(sha256, DIGITS);
    struct flock range = {.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)g_ascii_strtoull(start, NULL, 16),
                          .l_len = 1};
    int result;
    do
        result = fcntl(store->lock, command, &range);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

bool ccb_store_hold(CcbStore *store, const char *sha256, GError **error)
{
    return lock_byte(store, sha256, F_RDLCK, F_OFD_SETLKW) ||
           ccb_fail_errno(error, CCB_ERR_IO, "locking %s/lock", store->dir);
}

static char *note_path(const CcbStore *store, const char *sha256)
{
    return g_build_filename(store->dir, "names", sha256, NULL);
}

/* The object's own times tell of changes (ccb_digest_file_once()), so the use is that of its note. */
static void touch(const CcbStore *store, const char *sha256)
{
    g_autofree char *path = note_path(store, sha256);
    ccb_autofd int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd >= 0)
        futimens(fd, NULL);
}

void ccb_store_note(const CcbStore *store, const char *sha256, const char *name)
{
    g_autofree char *path = note_path(store, sha256);
    ccb_write_file_atomic(path, name, strlen(name), NULL); /* for people: a bake goes on without */
}

char *ccb_store_find(CcbStore *store, const char *sha256, GError **error)
{
    if (!ccb_digest_is_valid(sha256)) {
        ccb_fail(error, CCB_ERR_RECIPE,
                 "\"%s\" is not a SHA-256 digest (64 lower-case hexadecimal characters)", sha256);
        return NULL;
    }
    if (!ccb_store_hold(store, sha256, error))
        return NULL;
    g_autofree char *path = ccb_store_object_path(store, sha256);
    if (access(path, F_OK) != 0) {
        if (errno != ENOENT)
            ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    g_autofree char *got = ccb_digest_file_once(path, error);
    if (got == NULL)
        return NULL;
    if (strcmp(got, sha256) == 0) {
        touch(store, sha256);
        return g_steal_pointer(&path);
    }
    ccb_warn("%s is damaged (its content hashes to %s): removed", path, got);
    if (unlink(path) != 0)
        ccb_fail_errno(error, CCB_ERR_IO, "removing the damaged %s", path);
    return NULL;
}

bool ccb_store_has(const CcbStore *store, const char *sha256, uint64_t size)
{
    if (!ccb_digest_is_valid(sha256))
        return false;
    g_autofree char *path = ccb_store_object_path(store, sha256);
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (size == 0 || (uint64_t)st.st_size == size);
}

bool ccb_store_check_space(const CcbStore *store, uint64_t bytes, GError **error)
{
    uint64_t available = 0;
    if (!ccb_free_bytes(store->dir, &available, error))
        return false;
    if (bytes <= available)
        return true;
    g_autofree char *need = ccb_format_size(bytes);
    g_autofree char *have = ccb_format_size(available);
    return ccb_fail(error, CCB_ERR_HOST, "%s: the download needs %s, only %s are free", store->dir,
                    need, have);
}

static void object_free(gpointer data)
{
    CcbObject *object = data;
    g_free(object->key);
    g_free(object->name);
    g_free(object);
}

static void add_object(const CcbStore *store, GPtrArray *all, const char *dir, const char *key,
                       bool is_partial)
{
    struct stat st, noted;
    g_autofree char *path = g_build_filename(store->dir, dir, key, NULL);
    g_autofree char *note = note_path(store, key);
    if (!ccb_digest_is_valid(key) || stat(path, &st) != 0)
        return;
    CcbObject *object = g_new0(CcbObject, 1);
    *object = (CcbObject){.key = g_strdup(key),
                          .is_partial = is_partial,
                          .size = (uint64_t)st.st_size,
                          .used = st.st_mtime};
    if (stat(note, &noted) == 0)
        object->used = MAX(object->used, noted.st_mtime);
    g_autofree char *name = ccb_read_file(note, 4096, NULL, NULL);
    if (name != NULL && *name != '\0')
        object->name = ccb_name_printable(name);
    g_ptr_array_add(all, object);
}

GPtrArray *ccb_store_list(const CcbStore *store)
{
    const char *dir, *key;
    GPtrArray *all = g_ptr_array_new_with_free_func(object_free);
    g_autoptr(GDir) dirs = g_dir_open(store->dir, 0, NULL);
    while (dirs != NULL && (dir = g_dir_read_name(dirs)) != NULL) {
        bool is_partial = strcmp(dir, "partial") == 0;
        g_autofree char *path = g_build_filename(store->dir, dir, NULL);
        g_autoptr(GDir) keys = is_partial || strlen(dir) == 2 ? g_dir_open(path, 0, NULL) : NULL;
        while (keys != NULL && (key = g_dir_read_name(keys)) != NULL)
            add_object(store, all, dir, key, is_partial);
    }
    return all;
}

/* Excludes other processes from the object until the lock (*ret_fd of a partial one) is given back. */
static bool lock_object(const CcbStore *store, const CcbObject *object, const char *path,
                        int *ret_fd)
{
    if (!object->is_partial)
        return lock_byte(store, object->key, F_WRLCK, F_OFD_SETLK);
    *ret_fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC); /* as partial.c locks it */
    return *ret_fd >= 0 && flock(*ret_fd, LOCK_EX | LOCK_NB) == 0;
}

static char *path_of_object(const CcbStore *store, const CcbObject *object)
{
    return object->is_partial ? g_build_filename(store->dir, "partial", object->key, NULL)
                              : ccb_store_object_path(store, object->key);
}

bool ccb_store_is_used(const CcbStore *store, const CcbObject *object)
{
    ccb_autofd int fd = -1;
    g_autofree char *path = path_of_object(store, object);
    if (!lock_object(store, object, path, &fd))
        return true;
    lock_byte(store, object->key, F_UNLCK, F_OFD_SETLK);
    return false;
}

bool ccb_store_remove(const CcbStore *store, const CcbObject *object)
{
    ccb_autofd int fd = -1;
    g_autofree char *path = path_of_object(store, object);
    g_autofree char *beside =
        object->is_partial ? g_strconcat(path, ".from", NULL) : note_path(store, object->key);
    if (!lock_object(store, object, path, &fd))
        return false;
    unlink(beside);
    bool gone = unlink(path) == 0 || errno == ENOENT;
    lock_byte(store, object->key, F_UNLCK, F_OFD_SETLK);
    return gone;
}
