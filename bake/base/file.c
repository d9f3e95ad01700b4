/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { DEFAULT_LIMIT = 64 << 20 };

char *ccb_read_file(const char *path, size_t limit, size_t *ret_size, GError **error)
{
    if (limit == 0)
        limit = DEFAULT_LIMIT;
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        ccb_fail(error, CCB_ERR_IO, "%s: is a directory", path);
        return NULL;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[16384];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ccb_fail_errno(error, CCB_ERR_IO, "reading %s", path);
            return NULL;
        }
        if (text->len + (size_t)n > limit) {
            ccb_fail(error, CCB_ERR_IO, "%s: larger than %zu bytes", path, limit);
            return NULL;
        }
        g_string_append_len(text, buffer, n);
    }
    if (ret_size)
        *ret_size = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

int ccb_create_file(const char *path, bool is_private)
{
    ccb_autofd int fd = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 && !is_private && fchmod(fd, 0644) != 0) {
        int reason = errno;
        unlink(path);
        errno = reason;
        return -1;
    }
    return ccb_steal_fd(&fd);
}

int ccb_open_regular(const char *path, int flags, GError **error)
{
    struct stat st;
    /* O_NONBLOCK: to open a FIFO must not wait; of a regular file it changes nothing. */
    ccb_autofd int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    bool is_other =
        fd < 0 ? errno == ELOOP || errno == ENXIO : fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
    if (is_other) {
        ccb_fail(error, CCB_ERR_IO, "%s is not a regular file", path);
        ccb_hint(error, "see what put it there (`ls -l`), and remove it");
        return -1;
    }
    if (fd < 0)
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
    return ccb_steal_fd(&fd);
}

bool ccb_write_all(int fd, const void *data, size_t size, const char *name, GError **error)
{
    const char *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", name);
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* The file has no name before it is complete, so that nothing is left of it whatever ends us.  Where the file system
 * can't do that, it has one that the sweep of the cache knows (layer/collect.c). */
bool ccb_write_file_atomic(const char *path, const void *data, size_t size, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *temporary =
        g_strdup_printf("%s.%d-%08x.part", path, (int)getpid(), g_random_int());
    ccb_autofd int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    g_autofree char *unnamed = fd >= 0 ? g_strdup_printf("/proc/self/fd/%d", fd) : NULL;
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = ccb_create_file(temporary, true);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    bool ok = ccb_write_all(fd, data, size, path, error);
    if (ok && (fchmod(fd, 0644) != 0 || fsync(fd) != 0 ||
               (unnamed && linkat(AT_FDCWD, unnamed, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) != 0)))
        ok = ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    if (ok && ccb_publish_file(temporary, path, error))
        return true;
    unlink(temporary);
    return false;
}

bool ccb_publish_file(const char *temporary, const char *path, GError **error)
{
    if (rename(temporary, path) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "renaming %s to %s", temporary, path);
    return ccb_sync_directory_of(path, error);
}

bool ccb_sync_directory_of(const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    ccb_autofd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "syncing %s", directory);
    return true;
}

bool ccb_is_same_file(const char *a, const char *b)
{
    struct stat st_a, st_b;
    return stat(a, &st_a) == 0 && stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
           st_a.st_ino == st_b.st_ino;
}

bool ccb_check_directory_of(const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    if (g_file_test(dir, G_FILE_TEST_EXISTS))
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s: there is no directory %s", path, dir);
    return ccb_hint(error, "mkdir -p %s", dir);
}

bool ccb_mkdirs(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0755) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating the directory %s", path);
    return true;
}

bool ccb_remove_tree(const char *path, GError **error)
{
    char *const roots[] = {(char *)path, NULL};
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? true : ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    if (fts == NULL)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
    bool ok = true;
    for (FTSENT *e = fts_read(fts); ok && e != NULL; e = fts_read(fts)) {
        if (e->fts_info != FTS_D && remove(e->fts_accpath) != 0 && errno != ENOENT)
            ok = ccb_fail_errno(error, CCB_ERR_IO, "removing %s", e->fts_path);
    }
    fts_close(fts);
    return ok;
}

const char *ccb_cache_dir(void)
{
    static char *dir;
    if (dir != NULL)
        return dir;
    const char *own = g_getenv("CCBAKE_CACHE_DIR");
    if (own != NULL && own[0] != '\0')
        dir = g_canonicalize_filename(own, NULL);
    else if (g_getenv("XDG_CACHE_HOME") == NULL && geteuid() == 0)
        dir = g_strdup("/var/cache/ccbake");
    else
        dir = g_build_filename(g_get_user_cache_dir(), "ccbake", NULL);
    return dir;
}

char *ccb_cache_room(const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), name, NULL);
    struct stat st;
    if (!ccb_mkdirs(path, error))
        return NULL;
    bool is_private = stat(path, &st) == 0 && (st.st_mode & 07777) == 0700;
    if (!is_private && chmod(path, 0700) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "making %s private", path);
        return NULL;
    }
    return g_steal_pointer(&path);
}

char *ccb_relative_path(const char *dir, const char *path)
{
    g_auto(GStrv) from = g_strsplit(dir + 1, "/", -1), to = g_strsplit(path + 1, "/", -1);
    g_autoptr(GString) way = g_string_new(NULL);
    guint same = 0;
    while (from[same] != NULL && to[same] != NULL && strcmp(from[same], to[same]) == 0)
        same++;
    if (same == 0)
        return g_strdup(path);
    for (guint i = same; from[i] != NULL; i++)
        g_string_append(way, "../");
    for (guint i = same; to[i] != NULL; i++)
        g_string_append_printf(way, "%s%s", i > same ? "/" : "", to[i]);
    return way->len > 0 ? g_string_free(g_steal_pointer(&way), FALSE) : g_strdup(".");
}
