/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "base/process.h"
#include "tap.h"

/* How a shell that runs `script` ends; it says that it is ready by an empty file's removal. */
static int end_shell(const char *script, unsigned grace_ms)
{
    g_autofree char *dir = g_dir_make_tmp("test-process-XXXXXX", NULL);
    g_autofree char *line =
        g_strdup_printf("%s; rmdir %s; while :; do sleep 0.02; done", script, dir);
    const char *argv[] = {"sh", "-c", line, NULL};
    pid_t pid = ccb_process_spawn(argv, -1, NULL);
    while (g_file_test(dir, G_FILE_TEST_EXISTS))
        g_usleep(1000);
    return ccb_process_end(&pid, grace_ms);
}

int main(void)
{
    is_int(end_shell("trap 'exit 7' TERM", 10000), 7, "a child that ends when it is told to");
    is_int(end_shell("trap 'trap \"exit 8\" TERM' TERM", 10000), 8, "... when it is told again");
    is_int(end_shell("trap '' TERM", 300), 128 + SIGKILL, "... and not at all");
    return done();
}
