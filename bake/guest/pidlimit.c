/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/pidlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Plenty for an installer, and for a compiler on each core. */
enum { LEAST = 512, PER_CORE = 16 };

enum { REMOVE_TRIES = 200, REMOVE_POLL_US = 5000 };

#define PREFIX "ccbake-"

struct CcbPidLimit {
    char *dir;
    int procs; /* its cgroup.procs */
};

/* The path of a line of /proc/self/cgroup, cgroups(7): "8:pids:/a/b", or "0::/a/b" of version 2.  Caller frees. */
static char *own_path(const char *controller)
{
    g_autofree char *text = ccb_read_file("/proc/self/cgroup", 0, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 3);
        if (g_strv_length(parts) == 3 && strcmp(parts[1], controller) == 0)
            return g_strdup(parts[2]);
    }
    return NULL;
}

/* Where a cgroup with the controller can be made; caller frees.  In version 2 that is beside ours, where the controller is
 * enabled: a cgroup with processes has none below it that count. */
static char *parent_dir(void)
{
    static const char root[] = "/sys/fs/cgroup";
    g_autofree char *unified = g_build_filename(root, "cgroup.controllers", NULL);
    g_autofree char *path = own_path(access(unified, F_OK) == 0 ? "" : "pids");
    if (path == NULL)
        return NULL;
    if (access(unified, F_OK) != 0)
        return g_build_filename(root, "pids", path, NULL);
    g_autofree char *above = g_path_get_dirname(path);
    return g_build_filename(root, above, NULL);
}

static bool write_limit(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "pids.max", NULL);
    g_autofree char *text = g_strdup_printf("%u\n", LEAST + PER_CORE * g_get_num_processors());
    ccb_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* What a ccbake left that was killed. */
static void sweep(const char *parent)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(parent, name, NULL);
        const char *number = g_str_has_prefix(name, PREFIX) ? name + strlen(PREFIX) : "";
        guint64 pid = g_ascii_strtoull(number, NULL, 10);
        if (pid > 0 && pid <= G_MAXINT && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            rmdir(path);
    }
}

CcbPidLimit *ccb_pid_limit_new(void)
{
    static unsigned made;
    g_autofree char *parent = parent_dir();
    if (parent == NULL)
        return NULL;
    sweep(parent);
    CcbPidLimit *limit = g_new0(CcbPidLimit, 1);
    limit->dir = g_strdup_printf("%s/" PREFIX "%d-%u", parent, (int)getpid(), made++);
    g_autofree char *procs = g_build_filename(limit->dir, "cgroup.procs", NULL);
    bool is_made = mkdir(limit->dir, 0755) == 0;
    limit->procs = is_made && write_limit(limit->dir) ? open(procs, O_WRONLY | O_CLOEXEC) : -1;
    if (limit->procs >= 0)
        return limit;
    if (is_made)
        rmdir(limit->dir);
    g_free(limit->dir);
    g_free(limit);
    return NULL;
}

void ccb_pid_limit_join(const CcbPidLimit *limit)
{
    if (limit != NULL && write(limit->procs, "0", 1) != 1)
        _exit(126); /* better none than one that is not counted */
}

/* The last process is gone for waitpid(2) a moment before it is for the cgroup. */
void ccb_pid_limit_free(CcbPidLimit *limit)
{
    if (limit == NULL)
        return;
    ccb_close_fd(&limit->procs);
    for (int i = 0; i < REMOVE_TRIES && rmdir(limit->dir) != 0 && errno == EBUSY; i++)
        g_usleep(REMOVE_POLL_US);
    g_free(limit->dir);
    g_free(limit);
}
