/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/trace.h"

#include "base/progress.h"

typedef struct {
    const CcbGuestOps *ops;
    void *backend;
} Traced;

/* The body of an operation: calls the one that is traced, and says so by a format and its arguments. */
#define TRACE(type, call, format, ...)                                                             \
    const Traced *t = traced;                                                                      \
    gint64 started = g_get_monotonic_time();                                                       \
    type result = t->ops->call;                                                                    \
    ccb_debug(started, format "%s", __VA_ARGS__, result ? "" : ": failed");                        \
    return result

static bool trace_stat(void *traced, const char *path, bool follow, CcbStat *ret_stat,
                       bool *ret_exists, GError **error)
{
    TRACE(bool, stat(t->backend, path, follow, ret_stat, ret_exists, error), "%s %s%s",
          follow ? "stat" : "lstat", path, result && !*ret_exists ? ": missing" : "");
}

static bool trace_get(void *traced, const char *path, int fd, GError **error)
{
    TRACE(bool, get(t->backend, path, fd, error), "read %s", path);
}

static char *trace_digest(void *traced, const char *path, GError **error)
{
    TRACE(char *, digest(t->backend, path, error), "digest %s", path);
}

static char *trace_readlink(void *traced, const char *path, GError **error)
{
    TRACE(char *, readlink(t->backend, path, error), "readlink %s", path);
}

static char **trace_list(void *traced, const char *path, GError **error)
{
    TRACE(char **, list(t->backend, path, error), "list %s", path);
}

static bool trace_walk(void *traced, const char *path, GPtrArray *entries, GError **error)
{
    TRACE(bool, walk(t->backend, path, entries, error), "walk %s", path);
}

static bool trace_put(void *traced, const char *path, int fd, const CcbFileAttr *attr,
                      GError **error)
{
    TRACE(bool, put(t->backend, path, fd, attr, error), "write %s, mode %04o", path,
          (unsigned)attr->mode);
}

static bool trace_mkdir(void *traced, const char *path, GError **error)
{
    TRACE(bool, mkdir(t->backend, path, error), "mkdir %s", path);
}

static bool trace_set_attr(void *traced, const char *path, const CcbFileAttr *attr, GError **error)
{
    TRACE(bool, set_attr(t->backend, path, attr, error), "chmod %04o, chown %u:%u %s",
          (unsigned)attr->mode, (unsigned)attr->uid, (unsigned)attr->gid, path);
}

static bool trace_symlink(void *traced, const char *target, const char *path,
                          const CcbFileAttr *attr, GError **error)
{
    TRACE(bool, symlink(t->backend, target, path, attr, error), "symlink %s to %s", path, target);
}

static bool trace_remove(void *traced, const char *path, GError **error)
{
    TRACE(bool, remove(t->backend, path, error), "remove %s", path);
}

static bool trace_free_space(void *traced, uint64_t *ret_bytes, GError **error)
{
    TRACE(bool, free_space(t->backend, ret_bytes, error), "%s", "free space");
}

static bool trace_run(void *traced, CcbCommand *command, CcbLineFunc on_line, void *data,
                      GError **error)
{
    g_autofree char *words = g_strjoinv(" ", (char **)command->argv);
    TRACE(bool, run(t->backend, command, on_line, data, error), "run %s: exit %d", words,
          command->ret_status);
}

static bool trace_shell(void *traced, CcbCommand *command, GError **error)
{
    g_autofree char *words = g_strjoinv(" ", (char **)command->argv);
    TRACE(bool, shell(t->backend, command, error), "shell %s: exit %d", words, command->ret_status);
}

static const CcbDisk *trace_disk(void *traced)
{
    const Traced *t = traced;
    return t->ops->disk(t->backend);
}

static bool trace_read_disk(void *traced, uint64_t offset, void *buffer, size_t size,
                            GError **error)
{
    TRACE(bool, read_disk(t->backend, offset, buffer, size, error),
          "read %zu bytes of the disk at %" G_GUINT64_FORMAT, size, offset);
}

static bool trace_close(void *traced, GError **error)
{
    TRACE(bool, close(t->backend, error), "%s", "close");
}

static void trace_free(void *traced)
{
    Traced *t = traced;
    t->ops->free(t->backend);
    g_free(t);
}

const CcbGuestOps ccb_trace_ops = {
    .name = "trace",
    .stat = trace_stat,
    .get = trace_get,
    .digest = trace_digest,
    .readlink = trace_readlink,
    .list = trace_list,
    .walk = trace_walk,
    .put = trace_put,
    .mkdir = trace_mkdir,
    .set_attr = trace_set_attr,
    .symlink = trace_symlink,
    .remove = trace_remove,
    .free_space = trace_free_space,
    .run = trace_run,
    .shell = trace_shell,
    .disk = trace_disk,
    .read_disk = trace_read_disk,
    .close = trace_close,
    .free = trace_free,
};

void *ccb_trace_new(const CcbGuestOps *ops, void *backend)
{
    Traced *traced = g_new0(Traced, 1);
    *traced = (Traced){ops, backend};
    return traced;
}
