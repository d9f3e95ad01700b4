/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/rooted.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/quantity.h"

/* Bounds the recursion into a tree that a guest made: one more than is accepted, so that it is seen. */
enum { MAX_DEPTH = CCB_WALK_DEPTH + 1 };

enum { EAGAIN_TRIES = 1000 };

static int open_in(const void *root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
        .mode = flags & O_CREAT ? 0600 : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    if (flags & O_PATH)
        how.flags &= ~(uint64_t)(O_NOCTTY | O_NONBLOCK);
    /* EAGAIN: something was renamed or mounted anywhere on this host while a ".." was resolved; openat2(2) says to
     * try again. */
    int fd = -1;
    for (int i = 0; i < EAGAIN_TRIES; i++) {
        fd = (int)syscall(SYS_openat2, *(const int *)root, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd;
}

/* The directory that holds `path`, and the last component of it (points into `path`). */
static int open_parent(const void *root, const char *path, const char **ret_name)
{
    g_autofree char *parent = g_path_get_dirname(path);
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    return open_in(root, parent, O_RDONLY | O_DIRECTORY);
}

static bool fail(GError **error, const char *what, const char *path)
{
    bool is_refused = errno == EPERM; /* to root: by a flag of the file system alone */
    ccb_fail_errno(error, CCB_ERR_INPUT, "%s %s in the guest", what, path);
    return is_refused && ccb_hint(error,
                                  "it, or its directory, is immutable (lsattr shows an i): make it "
                                  "changeable in the base: chattr -i %s",
                                  path);
}

bool ccb_rooted_stat(void *root, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                     GError **error)
{
    struct stat st;
    ccb_autofd int fd = open_in(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *ret_exists = false;
        return true;
    }
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(error, "looking at", path);
    *ret_stat = (CcbStat){st.st_mode, st.st_uid, st.st_gid, (uint64_t)st.st_size};
    *ret_exists = true;
    return true;
}

static bool require_regular(int fd, const char *path, GError **error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(error, "looking at", path);
    if (!S_ISREG(st.st_mode))
        return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a regular file", path);
    return true;
}

static bool copy(int from, int to, const char *path, GError **error)
{
    ssize_t n;
    do
        n = sendfile(to, from, NULL, 1 << 24);
    while (n > 0 || (n < 0 && errno == EINTR));
    if (n == 0)
        return true;
    /* Which disk is full: a file of the host has a name here. */
    char target[4096] = "";
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", to);
    int reason = errno;
    if (readlink(self, target, sizeof target - 1) < 0)
        target[0] = '\0';
    errno = reason;
    return ccb_fail_errno(error, CCB_ERR_IO, "copying %s to %s", path, target);
}

bool ccb_rooted_get(void *root, const char *path, int fd, GError **error)
{
    ccb_autofd int from = open_in(root, path, O_RDONLY);
    if (from < 0)
        return fail(error, "reading", path);
    return require_regular(from, path, error) && copy(from, fd, path, error);
}

char *ccb_rooted_digest(void *root, const char *path, GError **error)
{
    ccb_autofd int fd = open_in(root, path, O_RDONLY);
    if (fd < 0) {
        fail(error, "reading", path);
        return NULL;
    }
    return require_regular(fd, path, error) ? ccb_digest_fd(fd, path, error) : NULL;
}

char *ccb_rooted_readlink(void *root, const char *path, GError **error)
{
    char target[4096];
    ccb_autofd int fd = open_in(root, path, O_PATH | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target - 1);
    if (n < 0) {
        fail(error, "reading the link", path);
        return NULL;
    }
    return g_strndup(target, (gsize)n);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes ownership of `fd`. */
static DIR *open_directory(int fd)
{
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

/* What `name` in the directory is, not followed; NULL where it can't be read. */
static CcbGuestEntry *read_entry(int dir, const char *prefix, const char *name)
{
    struct stat st;
    char target[4096];
    ssize_t length = -1;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return NULL;
    if (S_ISLNK(st.st_mode) && (length = readlinkat(dir, name, target, sizeof target)) < 0)
        return NULL;
    CcbGuestEntry *entry = g_new0(CcbGuestEntry, 1);
    entry->path = g_strconcat(prefix, name, NULL);
    entry->st = (CcbStat){st.st_mode, st.st_uid, st.st_gid, (uint64_t)st.st_size};
    entry->mtime_ns = ccb_nanoseconds(st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    entry->ctime_ns = ccb_nanoseconds(st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    entry->target = length >= 0 ? g_strndup(target, (gsize)length) : NULL;
    return entry;
}

/* Takes ownership of `fd`.  Below `depth` further directories nothing is looked at. */
static bool walk(int fd, const char *prefix, int depth, GPtrArray *entries)
{
    DIR *dir = open_directory(fd);
    if (dir == NULL)
        return false;
    bool ok = true;
    struct dirent *found;
    while (ok && (found = readdir(dir)) != NULL) {
        if (is_dot(found->d_name))
            continue;
        CcbGuestEntry *entry = read_entry(dirfd(dir), prefix, found->d_name);
        ok = entry != NULL;
        if (!ok)
            break;
        g_ptr_array_add(entries, entry);
        if (depth > 0 && S_ISDIR(entry->st.mode)) {
            g_autofree char *deeper = g_strconcat(entry->path, "/", NULL);
            ok = walk(
                openat(dirfd(dir), found->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                deeper, depth - 1, entries);
        }
    }
    closedir(dir);
    return ok;
}

bool ccb_rooted_walk(void *root, const char *path, GPtrArray *entries, GError **error)
{
    return walk(open_in(root, path, O_RDONLY | O_DIRECTORY), "", MAX_DEPTH, entries) ||
           fail(error, "listing", path);
}

char **ccb_rooted_list(void *root, const char *path, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_entries_new();
    if (!walk(open_in(root, path, O_RDONLY | O_DIRECTORY), "", 0, entries)) {
        fail(error, "listing", path);
        return NULL;
    }
    char **names = g_new0(char *, entries->len + 1);
    for (guint i = 0; i < entries->len; i++)
        names[i] = g_steal_pointer(&((CcbGuestEntry *)entries->pdata[i])->path);
    return names;
}

bool ccb_rooted_put(void *root, const char *path, int fd, const CcbFileAttr *attr, GError **error)
{
    static const struct timespec times[] = {{.tv_sec = CCB_GUEST_MTIME},
                                            {.tv_sec = CCB_GUEST_MTIME}};
    ccb_autofd int to = open_in(root, path, O_WRONLY | O_CREAT);
    if (to < 0)
        return fail(error, "writing", path);
    if (!require_regular(to, path, error))
        return false;
    if (ftruncate(to, 0) != 0)
        return fail(error, "writing", path);
    if (!copy(fd, to, path, error))
        return false;
    if (fchown(to, attr->uid, attr->gid) != 0 || fchmod(to, attr->mode) != 0 ||
        futimens(to, times) != 0)
        return fail(error, "setting mode, owner and time of", path);
    return true;
}

bool ccb_rooted_mkdir(void *root, const char *path, GError **error)
{
    const char *name;
    ccb_autofd int parent = open_parent(root, path, &name);
    if (parent < 0 || mkdirat(parent, name, 0755) != 0)
        return fail(error, "creating the directory", path);
    return ccb_rooted_set_attr(root, path, &(CcbFileAttr){.mode = 0755}, error);
}

bool ccb_rooted_set_attr(void *root, const char *path, const CcbFileAttr *attr, GError **error)
{
    ccb_autofd int fd = open_in(root, path, O_RDONLY);
    if (fd < 0 || fchown(fd, attr->uid, attr->gid) != 0 || fchmod(fd, attr->mode) != 0)
        return fail(error, "setting mode and owner of", path);
    return true;
}

bool ccb_rooted_symlink(void *root, const char *target, const char *path, const CcbFileAttr *attr,
                        GError **error)
{
    const char *name;
    ccb_autofd int parent = open_parent(root, path, &name);
    if (parent < 0 || symlinkat(target, parent, name) != 0 ||
        fchownat(parent, name, attr->uid, attr->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(error, "creating the link", path);
    return true;
}

static bool remove_below(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = depth > 0 ? open_directory(fd) : NULL;
    if (dir == NULL)
        return false;
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(dir)) != NULL)
        ok = is_dot(entry->d_name) || remove_below(dirfd(dir), entry->d_name, depth - 1);
    closedir(dir);
    return ok && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

bool ccb_rooted_remove(void *root, const char *path, GError **error)
{
    const char *name;
    ccb_autofd int parent = open_parent(root, path, &name);
    if (parent < 0 || name[0] == '\0' || !remove_below(parent, name, MAX_DEPTH))
        return fail(error, "removing", path);
    return true;
}
