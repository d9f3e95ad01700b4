/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/partial.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

uint64_t ccb_partial_present(const CcbStore *store, const char *sha256)
{
    struct stat st;
    if (sha256 == NULL)
        return 0;
    g_autofree char *path = g_build_filename(ccb_store_dir(store), "partial", sha256, NULL);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void forget_origin(CcbPartial *partial)
{
    g_clear_pointer(&partial->url_id, g_free);
    g_clear_pointer(&partial->validator, g_free);
}

void ccb_partial_free(CcbPartial *partial)
{
    if (partial == NULL)
        return;
    /* Removed while locked: a process that has just opened the file sees that its name is gone. */
    if (partial->fd >= 0 && (partial->size == 0 || !partial->is_pinned)) {
        unlink(partial->from_path);
        unlink(partial->path);
    }
    ccb_close_fd(&partial->fd);
    forget_origin(partial);
    ccb_digest_free(partial->digest);
    g_free(partial->path);
    g_free(partial->from_path);
    g_free(partial);
}

/* Leaves partial->fd at -1 where another holds the lock. */
static bool open_locked(CcbPartial *partial, GError **error)
{
    struct stat by_fd, by_path;
    ccb_autofd int fd = open(partial->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", partial->path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return true;
        return ccb_fail_errno(error, CCB_ERR_IO, "locking %s", partial->path);
    }
    /* The lock belongs to the file, not to its name: between open() and flock() the file may have
     * become an object of the store. */
    if (fstat(fd, &by_fd) == 0 && stat(partial->path, &by_path) == 0 &&
        by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino)
        partial->fd = ccb_steal_fd(&fd);
    return true;
}

/* Digests what an earlier run left. */
static bool digest_present(CcbPartial *partial, GError **error)
{
    enum { CHUNK = 1 << 20 };
    g_autofree char *buffer = g_malloc(CHUNK);
    for (;;) {
        ssize_t n = pread(partial->fd, buffer, CHUNK, (off_t)partial->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", partial->path);
        if (n == 0)
            return true;
        ccb_digest_update(partial->digest, buffer, (size_t)n);
        partial->size += (uint64_t)n;
        if (ccb_cancel_check(error))
            return false;
    }
}

bool ccb_partial_open(const CcbStore *store, const char *sha256, const char *url,
                      CcbPartial **ret_partial, GError **error)
{
    g_autofree char *key = sha256 != NULL ? g_strdup(sha256) : ccb_digest_string(url);
    g_autoptr(CcbPartial) partial = g_new0(CcbPartial, 1);
    partial->store = store;
    partial->is_pinned = sha256 != NULL;
    partial->path = g_build_filename(ccb_store_dir(store), "partial", key, NULL);
    partial->from_path = g_strconcat(partial->path, ".from", NULL);
    partial->fd = -1;
    partial->digest = ccb_digest_new();
    if (!open_locked(partial, error))
        return false;
    if (partial->fd < 0) {
        *ret_partial = NULL;
        return true;
    }
    if (sha256 == NULL) {
        if (!ccb_partial_discard(partial, error))
            return false;
        *ret_partial = g_steal_pointer(&partial);
        return true;
    }
    /* Without the note, or with a damaged one, the origin of the bytes is unknown; the pinned digest
     * decides about them. */
    g_autofree char *text = ccb_read_file(partial->from_path, 4096, NULL, NULL);
    g_auto(GStrv) words = g_strsplit(text != NULL ? g_strchomp(text) : "", " ", 2);
    if (words[0] != NULL && ccb_digest_is_valid(words[0])) {
        partial->url_id = g_strdup(words[0]);
        if (words[1] != NULL && *words[1] != '\0')
            partial->validator = g_strdup(words[1]);
    }
    if (!digest_present(partial, error))
        return false;
    *ret_partial = g_steal_pointer(&partial);
    return true;
}

bool ccb_partial_discard(CcbPartial *partial, GError **error)
{
    /* The note goes first: a crash in between must not leave it beside other bytes. */
    if (unlink(partial->from_path) != 0 && errno != ENOENT)
        return ccb_fail_errno(error, CCB_ERR_IO, "removing %s", partial->from_path);
    if (ftruncate(partial->fd, 0) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "emptying %s", partial->path);
    forget_origin(partial);
    partial->size = 0;
    ccb_digest_free(partial->digest);
    partial->digest = ccb_digest_new();
    return true;
}

bool ccb_partial_restart(CcbPartial *partial, const char *url, const char *validator,
                         GError **error)
{
    if (!ccb_partial_discard(partial, error))
        return false;
    partial->url_id = ccb_digest_string(url);
    partial->validator = g_strdup(validator);
    g_autofree char *text =
        g_strdup_printf("%s %s\n", partial->url_id, validator != NULL ? validator : "");
    return ccb_write_file_atomic(partial->from_path, text, strlen(text), error);
}

bool ccb_partial_append(CcbPartial *partial, const void *data, size_t size, GError **error)
{
    const char *rest = data;
    while (size > 0) {
        ssize_t n = pwrite(partial->fd, rest, size, (off_t)partial->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
            return ccb_fail(error, CCB_ERR_HOST, "the disk is full: %s%s", partial->path,
                            partial->is_pinned ? " (the bytes that have arrived are kept; the next "
                                                 "run continues them)"
                                               : "");
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", partial->path);
        ccb_digest_update(partial->digest, rest, (size_t)n);
        partial->size += (uint64_t)n;
        rest += n;
        size -= (size_t)n;
    }
    return true;
}

bool ccb_partial_is_from(const CcbPartial *partial, const char *url)
{
    g_autofree char *id = ccb_digest_string(url);
    return g_strcmp0(partial->url_id, id) == 0;
}

char *ccb_partial_digest(CcbPartial *partial)
{
    return ccb_digest_finish(g_steal_pointer(&partial->digest));
}

char *ccb_partial_publish(CcbPartial *partial, const char *sha256, GError **error)
{
    g_autofree char *object = ccb_store_object_path(partial->store, sha256);
    g_autofree char *dir = g_path_get_dirname(object);
    if (!ccb_mkdirs(dir, error))
        return NULL;
    if (fsync(partial->fd) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", partial->path);
        return NULL;
    }
    unlink(partial->from_path);
    if (!ccb_publish_file(partial->path, object, error))
        return NULL;
    /* Last, so that a partial that could not be published can still be opened for writing. */
    if (fchmod(partial->fd, 0444) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", object);
        return NULL;
    }
    /* The name is gone: nothing left to remove. */
    ccb_close_fd(&partial->fd);
    return g_steal_pointer(&object);
}
