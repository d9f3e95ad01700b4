/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/reaper.h"
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

/* Gone, or a zombie that nobody has asked for yet. */
static bool is_gone(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    for (int i = 0; i < 500; i++) {
        g_autofree char *status = NULL;
        if (!g_file_get_contents(path, &status, NULL, NULL) || strstr(status, "State:\tZ") != NULL)
            return true;
        g_usleep(10000);
    }
    return false;
}

static pid_t wait_for_pid(const char *path)
{
    g_autofree char *text = NULL;
    while (!g_file_get_contents(path, &text, NULL, NULL))
        g_usleep(1000);
    return (pid_t)g_ascii_strtoll(text, NULL, 10);
}

/* A grandchild that ignores the death of its parents, as one of bubblewrap's does while it starts.  What
 * only has the number of the group for its name is nobody's. */
static void test_reaper(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-process-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "pid", NULL);
    g_autofree char *script = g_strdup_printf(
        "cd %s; : >$$; ln -s $$ group; sleep 600 & echo $! >pid.new; mv pid.new pid; wait", dir);
    const char *argv[] = {"sh", "-c", script, NULL};
    CcbProcess process = {.argv = argv};
    g_autofree char *watched = g_build_filename(dir, "watched", NULL);
    g_autofree char *group = g_build_filename(dir, "group", NULL); /* a link to that file */
    g_file_set_contents(watched, "", -1, NULL);
    pid_t middle = fork();
    if (middle == 0) {
        if (chdir(dir) != 0)
            _exit(1);
        ccb_reaper_start(NULL);
        ccb_reaper_watch("watched");
        ccb_process_run(&process, NULL);
        _exit(0);
    }
    pid_t grandchild = wait_for_pid(file);
    kill(middle, SIGKILL);
    waitpid(middle, NULL, 0);
    ok(is_gone(grandchild), "nobody outlives one who was killed");
    for (int i = 0; i < 500 && access(watched, F_OK) == 0; i++)
        g_usleep(10000);
    g_usleep(50000); /* both would go in one loop */
    ok(access(watched, F_OK) != 0, "what is watched goes");
    ok(access(group, F_OK) == 0, "a file with the group's number for its name stays");
    ccb_remove_tree(dir, NULL);
}

/* Who is killed in the middle of writing a file leaves the old one, and nothing that the cache's sweep does not know. */
static void test_atomic_write(void)
{
    enum { LIMIT = 1 << 16 };
    g_autofree char *dir = g_dir_make_tmp("test-process-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "file", NULL);
    g_autofree char *much = g_strnfill(2 * LIMIT, 'x');
    g_autofree char *text = NULL;
    ok(ccb_write_file_atomic(path, "old", 3, NULL), "a file is written");
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit size = {LIMIT, LIMIT}, core = {0, 0};
        setrlimit(RLIMIT_CORE, &core);
        setrlimit(RLIMIT_FSIZE, &size); /* SIGXFSZ */
        ccb_write_file_atomic(path, much, 2 * LIMIT, NULL);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status), "a writer that is killed");
    g_file_get_contents(path, &text, NULL, NULL);
    is_str(text, "old", "... leaves the old file");
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(list)) != NULL;)
        ok(strcmp(name, "file") == 0 || g_str_has_suffix(name, ".part"), name);
    ok(!ccb_write_file_atomic("/nonexistent/file", "", 0, NULL), "no directory, no file");
    ok(ccb_write_file_atomic(path, "new", 3, NULL), "a file is replaced");
    ccb_remove_tree(dir, NULL);
}

/* What ends with 127 by itself is no program that this host lacks. */
static void test_status_127(void)
{
    GError *error = NULL;
    const char *const shell[] = {"sh", "-c", "exit 127", NULL}, *const none[] = {"/no/such", NULL};
    CcbProcess process = {.argv = shell, .error_code = CCB_ERR_STEP};
    ccb_process_run(&process, &error);
    is_int(ccb_exit_code(error), CCB_ERR_STEP, "a silent exit 127 is the command's own");
    is_error(&error, "sh failed with exit code 127", "and is reported as one");
    process = (CcbProcess){.argv = none, .error_code = CCB_ERR_STEP};
    ccb_process_run(&process, &error);
    is_int(ccb_exit_code(error), CCB_ERR_HOST, "a program that is not there is the host's lack");
    is_error(&error, "/no/such can't be run (is it installed?)", "and is named");
}

/* A child's environment, and the same with all of ours. */
static void test_environment(void)
{
    g_autoptr(GString) out = g_string_new("\n");
    const char *const argv[] = {"env", NULL};
    CcbProcess process = {.argv = argv, .separate_stdout = true, .ret_stdout = out};
    g_setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary", TRUE);
    g_setenv("PATHLIKE", "canary", TRUE);
    g_setenv("https_proxy", "http://user:canary@proxy", TRUE);
    g_setenv("LC_TIME", "C.UTF-8", TRUE);
    ok(ccb_process_run(&process, NULL), "env runs");
    ok(strstr(out->str, "canary") == NULL, "a tool does not see what it does not need");
    ok(strstr(out->str, "\nPATH=/") != NULL, "... but the path of programs");
    ok(strstr(out->str, "\nLC_TIME=C.UTF-8\n") != NULL, "... and the language");
    process.whole_environment = true;
    g_string_truncate(out, 1);
    ok(ccb_process_run(&process, NULL) && strstr(out->str, "\nPATHLIKE=canary\n") != NULL,
       "what acts for the user sees all");
}

int main(void)
{
    test_environment();
    test_status_127();
    is_int(end_shell("trap 'exit 7' TERM", 10000), 7, "a child that ends when it is told to");
    is_int(end_shell("trap 'trap \"exit 8\" TERM' TERM", 10000), 8, "... when it is told again");
    is_int(end_shell("trap '' TERM", 300), 128 + SIGKILL, "... and not at all");
    test_reaper();
    test_atomic_write();
    return done();
}
