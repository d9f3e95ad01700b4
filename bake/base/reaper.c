/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reaper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* Commands on the pipe: '+' or '-', what is watched or no longer, and a NUL.  That is an absolute
 * path, or the number of a process group. */
static int pipe_end = -1;

G_GNUC_NORETURN static void guard(int fd)
{
    enum { TRIES = 50, PAUSE_US = 100 * 1000 };
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    FILE *commands = fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    while (getdelim(&line, &room, '\0', commands) > 1) {
        GHashTable *watched = line[1] == '/' ? paths : groups;
        if (line[0] == '+')
            g_hash_table_add(watched, g_strdup(line + 1));
        else
            g_hash_table_remove(watched, line + 1);
    }
    GHashTableIter iterator;
    gpointer group, path;
    g_hash_table_iter_init(&iterator, groups);
    while (g_hash_table_iter_next(&iterator, &group, NULL))
        kill(-(pid_t)g_ascii_strtoll(group, NULL, 10), SIGKILL);
    /* Files at once: the next bake may want their names. */
    g_hash_table_iter_init(&iterator, paths);
    while (g_hash_table_iter_next(&iterator, &path, NULL))
        unlink(path);
    /* Those who were killed with us may still be writing in a directory.  Nobody is left to hear of a failure. */
    g_hash_table_iter_init(&iterator, paths);
    while (g_hash_table_iter_next(&iterator, &path, NULL))
        for (int i = 0; i < TRIES && !ccb_remove_tree(path, NULL); i++)
            g_usleep(PAUSE_US);
    _exit(0);
}

bool ccb_reaper_start(GError **error)
{
    int ends[2];
    if (pipe_end >= 0)
        return true;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a pipe");
    pid_t pid = fork();
    if (pid < 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "starting the reaper process");
    if (pid == 0) {
        /* Nothing of ccbake's may be kept alive by us: no lock, no terminal, no signal meant for it. */
        setsid();
        for (int sig = 1; sig < NSIG; sig++)
            signal(sig, SIG_IGN);
        if (ends[0] > 0)
            close_range(0, (unsigned)ends[0] - 1, 0);
        close_range((unsigned)ends[0] + 1, ~0u, 0);
        guard(ends[0]);
    }
    close(ends[0]);
    pipe_end = ends[1];
    return true;
}

static void tell(char command, const char *what)
{
    g_autofree char *line = g_strdup_printf("%c%s", command, what);
    if (pipe_end >= 0)
        ccb_write_all(pipe_end, line, strlen(line) + 1, "reaper", NULL);
}

static void tell_path(char command, const char *path)
{
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    tell(command, absolute);
}

static void tell_group(char command, pid_t group)
{
    g_autofree char *number = g_strdup_printf("%d", (int)group);
    tell(command, number);
}

void ccb_reaper_watch(const char *path)
{
    tell_path('+', path);
}

void ccb_reaper_release(const char *path)
{
    tell_path('-', path);
}

char *ccb_reaper_mkdir(const char *pattern, int mode, GError **error)
{
    /* No other live process makes this name, and what a dead one left is passed over. */
    const char *star = strrchr(pattern, '*');
    g_autofree char *path = NULL;
    do {
        g_free(path);
        path = g_strdup_printf("%.*s%d-%08x%s", (int)(star - pattern), pattern, (int)getpid(),
                               g_random_int(), star + 1);
    } while (g_file_test(path, G_FILE_TEST_EXISTS));
    ccb_reaper_watch(path);
    if (mkdir(path, (mode_t)mode) == 0)
        return g_steal_pointer(&path);
    ccb_fail_errno(error, CCB_ERR_IO, "creating the directory %s", path);
    ccb_reaper_release(path);
    return NULL;
}

void ccb_reaper_watch_group(pid_t group)
{
    tell_group('+', group);
}

void ccb_reaper_release_group(pid_t group)
{
    tell_group('-', group);
}
