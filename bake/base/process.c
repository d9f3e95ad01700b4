/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/progress.h"
#include "base/reaper.h"
#include "base/text.h"

enum { TAIL_LINES = 15, TICK_MS = 250, EXEC_FAILED = 127 };

typedef struct {
    CcbProcess *spec;
    pid_t pid;
    int pidfd;
    int out, err;   /* the reading ends of pipes; -1: none, or at its end */
    CcbLines lines; /* of err */
    GQueue tail;    /* the last lines, for the error message */
    gint64 started, deadline;
    bool ended;
} Run;

static const char *name_of(const CcbProcess *spec)
{
    return spec->name ? spec->name : spec->argv[0];
}

/* For --debug: the words of the command, quoted where that is needed. */
static void debug(gint64 started, const CcbProcess *spec, const char *what)
{
    g_autoptr(GString) text = g_string_new("process");
    if (!ccb_progress_options.debug)
        return;
    for (const char *const *word = spec->shown ? spec->shown : spec->argv; *word != NULL; word++) {
        g_autofree char *quoted = ccb_word_quoted(*word);
        g_string_append_printf(text, " %s", quoted);
    }
    ccb_debug(started, "%s: %s", text->str, what);
}

/*
 * What a child gets of our environment: what programs need to be found, to be loaded, to speak the user's language and to
 * find their settings.  Never more, since a token of the builder may be in any other variable, and what a child has is
 * there for commands of a guest to read in /proc.  The tools have no proxy: none of them uses a network.
 */
static char **tool_environment(void)
{
    /* git asks SUDO_UID whether the user owns a checkout. */
    static const char *const names[] = {"PATH",     "LD_LIBRARY_PATH",
                                        "HOME",     "XDG_CONFIG_HOME",
                                        "SUDO_UID", "LANG",
                                        "LANGUAGE", "TMPDIR",
                                        "TZ",       "TERM"};
    static const char *const prefixes[] = {"LC_", "CCBAKE_TEST_"};
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (char **pair = environ; *pair != NULL; pair++) {
        size_t length = strcspn(*pair, "=");
        bool passes = false;
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
            passes |= strlen(names[i]) == length && strncmp(*pair, names[i], length) == 0;
        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
            passes |= g_str_has_prefix(*pair, prefixes[i]);
        if (passes)
            g_strv_builder_add(builder, *pair);
    }
    return g_strv_builder_end(builder);
}

/* In the child: only async-signal-safe calls from here to exec. */
G_GNUC_NORETURN static void become(const CcbProcess *spec, char *const *env, const int fds[3],
                                   pid_t parent)
{
    if (spec->on_terminal)
        setsid();
    else
        setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl took effect */
        _exit(EXEC_FAILED);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            _exit(EXEC_FAILED);
    if (spec->on_terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
        _exit(EXEC_FAILED);
    /* What our caller left open is not for children: some of them are commands of a guest. */
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (spec->keep_fd > 0)
        fcntl(spec->keep_fd, F_SETFD, 0);
    if (spec->child_setup)
        spec->child_setup(spec->setup_data);
    execvpe(spec->argv[0], (char *const *)spec->argv, env);
    _exit(EXEC_FAILED);
}

pid_t ccb_process_start(const CcbProcess *spec, const int fds[3], GError **error)
{
    g_auto(GStrv) env = tool_environment();
    pid_t self = getpid(), pid = fork();
    if (pid < 0)
        ccb_fail_errno(error, CCB_ERR_HOST, "starting %s", spec->argv[0]);
    if (pid == 0)
        become(spec, spec->whole_environment ? environ : env, fds, self);
    return pid;
}

static int open_stdin(const char *text, GError **error)
{
    int fd = text ? memfd_create("stdin", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "preparing the standard input of a child");
        return -1;
    }
    if (text == NULL)
        return fd;
    if (ccb_write_all(fd, text, strlen(text), "standard input of a child", error)) {
        if (lseek(fd, 0, SEEK_SET) == 0)
            return fd;
        ccb_fail_errno(error, CCB_ERR_HOST, "rewinding the standard input of a child");
    }
    close(fd);
    return -1;
}

static bool open_pipe(int ends[2], GError **error)
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return true;
}

/* The child's ends of the pipes are ours to close again. */
static bool start(Run *run, GError **error)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    ccb_autofd int in = open_stdin(run->spec->stdin_text, error);
    if (in < 0 || !open_pipe(err, error))
        return false;
    run->err = err[0];
    ccb_autofd int child_err = err[1];
    if (run->spec->separate_stdout && !open_pipe(out, error))
        return false;
    run->out = out[0];
    ccb_autofd int child_out = out[1];

    const int fds[3] = {in, child_out >= 0 ? child_out : child_err, child_err};
    run->pid = ccb_process_start(run->spec, fds, error);
    if (run->pid < 0)
        return false;
    ccb_reaper_watch_group(run->pid);
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    if (run->pidfd < 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "watching %s", run->spec->argv[0]);
    fcntl(run->pidfd, F_SETFD, FD_CLOEXEC);
    return true;
}

static void take_line(const char *line, void *data)
{
    Run *run = data;
    g_queue_push_tail(&run->tail, g_utf8_make_valid(line, -1));
    if (run->tail.length > TAIL_LINES)
        g_free(g_queue_pop_head(&run->tail));
    if (run->spec->on_line)
        run->spec->on_line(line, run->spec->data);
}

/* Takes what there is, within bounds as ccb_lines_read(); what is at its end is closed. */
static void drain(Run *run)
{
    enum { ROUNDS = 16, STDOUT_MAX = 64 << 20 };
    char buffer[16384];
    if (run->err >= 0 && !ccb_lines_read(&run->lines, run->err))
        ccb_close_fd(&run->err);
    for (int round = 0; run->out >= 0 && round < ROUNDS; round++) {
        ssize_t n = read(run->out, buffer, sizeof buffer);
        if (n < 0)
            break;
        if (n == 0)
            ccb_close_fd(&run->out);
        else if (run->spec->ret_stdout && run->spec->ret_stdout->len < STDOUT_MAX)
            g_string_append_len(run->spec->ret_stdout, buffer, n);
    }
}

/* Waits a moment for something to happen to the children, and passes their output on. */
static bool watch(Run *const *runs, guint n, int timeout_ms, GError **error)
{
    enum { FDS = 3 };
    g_autofree struct pollfd *fds = g_new0(struct pollfd, n * FDS + 1);
    for (guint i = 0; i < n; i++) {
        fds[i * FDS] = (struct pollfd){.fd = runs[i]->pidfd, .events = POLLIN};
        fds[i * FDS + 1] = (struct pollfd){.fd = runs[i]->err, .events = POLLIN};
        fds[i * FDS + 2] = (struct pollfd){.fd = runs[i]->out, .events = POLLIN};
    }
    fds[n * FDS] = (struct pollfd){.fd = ccb_cancelled() ? -1 : ccb_cancel_fd(), .events = POLLIN};
    int ready = poll(fds, n * FDS + 1, timeout_ms);
    if (ready < 0 && errno != EINTR)
        return ccb_fail_errno(error, CCB_ERR_HOST, "waiting for %s", runs[0]->spec->argv[0]);
    for (guint i = 0; i < n; i++) {
        drain(runs[i]);
        runs[i]->ended = ready > 0 && fds[i * FDS].revents != 0;
    }
    return true;
}

/* Waits for the child to exit; false: limit passed or cancelled. */
static bool attend(Run *run, GError **error)
{
    for (;;) {
        gint64 left_ms = run->deadline ? (run->deadline - g_get_monotonic_time()) / 1000 : TICK_MS;
        if (!watch(&run, 1, (int)CLAMP(left_ms, 0, TICK_MS), error) || ccb_cancel_check(error))
            return false;
        if (run->ended)
            return true;
        run->spec->ret_timed_out = run->deadline && g_get_monotonic_time() >= run->deadline;
        if (run->spec->ret_timed_out)
            return ccb_fail(error, CCB_ERR_STEP, "%s did not end within its limit of %u s",
                            name_of(run->spec), run->spec->limit_s);
        ccb_progress_tick();
    }
}

static int decode_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Ends what is left of the process group, so that no grandchild outlives its step. */
static void reap(Run *run)
{
    int status = 0;
    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    ccb_reaper_release_group(run->pid);
    run->spec->ret_status = decode_status(status);
    g_autofree char *end = g_strdup_printf("exit %d", run->spec->ret_status);
    debug(run->started, run->spec, end);
    drain(run);
    ccb_lines_flush(&run->lines);
}

static bool check_status(const Run *run, GError **error)
{
    const CcbProcess *spec = run->spec;
    CcbErrorCode code = spec->error_code ? spec->error_code : CCB_ERR_HOST;
    if (spec->ret_status == 0 || (spec->allow_failure && spec->ret_status != EXEC_FAILED))
        return true;
    g_autofree char *program = g_find_program_in_path(spec->argv[0]);
    if (spec->ret_status == EXEC_FAILED && program == NULL)
        return ccb_fail(error, CCB_ERR_HOST, "%s can't be run (is it installed?)", spec->argv[0]);
    if (spec->ret_status > 128)
        return ccb_fail(error, code, "%s was killed by signal %d", name_of(spec),
                        spec->ret_status - 128);
    return ccb_fail(error, code, "%s failed with exit code %d", name_of(spec), spec->ret_status);
}

static void run_init(Run *run, CcbProcess *spec)
{
    *run = (Run){.spec = spec, .pidfd = -1, .started = g_get_monotonic_time()};
    run->out = run->err = -1;
    ccb_lines_init(&run->lines, take_line, run);
    g_queue_init(&run->tail);
}

static void run_clear(Run *run)
{
    ccb_close_fd(&run->out);
    ccb_close_fd(&run->err);
    ccb_close_fd(&run->pidfd);
    ccb_lines_clear(&run->lines);
    g_queue_clear_full(&run->tail, g_free);
}

bool ccb_process_run(CcbProcess *spec, GError **error)
{
    Run run;
    run_init(&run, spec);
    if (spec->limit_s)
        run.deadline = g_get_monotonic_time() + (gint64)spec->limit_s * G_USEC_PER_SEC;

    bool ok = !ccb_cancel_check(error) && start(&run, error) && attend(&run, error);
    if (run.pid > 0)
        reap(&run);
    ok = ok && check_status(&run, error);
    if (!ok && !ccb_cancelled() && error && *error && run.tail.length > 0) {
        GString *message = g_string_new((*error)->message);
        g_string_append(message, "\nits last lines:");
        for (GList *l = run.tail.head; l != NULL; l = l->next)
            g_string_append_printf(message, "\n  | %s", (const char *)l->data);
        g_free((*error)->message);
        (*error)->message = g_string_free(message, FALSE);
    }
    run_clear(&run);
    return ok;
}

static void run_free(void *data)
{
    Run *run = data;
    if (run->pid > 0)
        reap(run);
    run_clear(run);
    g_free(run);
}

/* Removes those that have ended from the list. */
static void collect(GPtrArray *active, void (*on_end)(const CcbProcess *process))
{
    for (guint i = active->len; i-- > 0;) {
        Run *run = active->pdata[i];
        if (!run->ended)
            continue;
        reap(run);
        run->pid = 0;
        on_end(run->spec);
        g_ptr_array_remove_index(active, i);
    }
}

static bool run_all(GPtrArray *active, CcbProcess *processes, guint n, guint at_a_time,
                    void (*on_end)(const CcbProcess *process), GError **error)
{
    guint next = 0;
    do {
        while (next < n && active->len < at_a_time) {
            Run *run = g_new0(Run, 1);
            run_init(run, &processes[next++]);
            if (!start(run, error)) {
                run_free(run);
                return false;
            }
            g_ptr_array_add(active, run);
        }
        if (!watch((Run **)active->pdata, active->len, TICK_MS, error) || ccb_cancel_check(error))
            return false;
        collect(active, on_end);
    } while (next < n || active->len > 0);
    return true;
}

bool ccb_process_run_all(CcbProcess *processes, guint n, guint at_a_time,
                         void (*on_end)(const CcbProcess *process), GError **error)
{
    enum { GRACE_S = 60 };
    g_autoptr(GPtrArray) active = g_ptr_array_new_with_free_func(run_free);
    if (!ccb_cancel_check(error) && run_all(active, processes, n, at_a_time, on_end, error))
        return true;
    /* What still runs is asked to end; who does not is killed with the list. */
    gint64 until = g_get_monotonic_time() + GRACE_S * (gint64)G_USEC_PER_SEC;
    for (guint i = 0; i < active->len; i++)
        kill(((Run *)active->pdata[i])->pid, SIGTERM);
    while (active->len > 0 && g_get_monotonic_time() < until &&
           watch((Run **)active->pdata, active->len, TICK_MS, NULL))
        collect(active, on_end);
    return false;
}

pid_t ccb_process_spawn(const char *const *argv, int log_fd, GError **error)
{
    const CcbProcess spec = {.argv = argv};
    ccb_autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = log_fd >= 0 ? log_fd : null;
    const int fds[3] = {null, log, log};
    if (null < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "opening /dev/null");
        return -1;
    }
    pid_t pid = ccb_process_start(&spec, fds, error);
    debug(g_get_monotonic_time(), &spec, "started");
    return pid;
}

int ccb_process_wait(pid_t *pid, unsigned limit_ms, unsigned grace_ms)
{
    enum { POLL_MS = 10 };
    int status = 0;
    for (unsigned waited = 0; waited < limit_ms && !ccb_cancelled(); waited += POLL_MS) {
        if (waitpid(*pid, &status, WNOHANG) == *pid) {
            *pid = 0;
            return decode_status(status);
        }
        g_usleep(POLL_MS * 1000);
    }
    return ccb_process_end(pid, grace_ms);
}

int ccb_process_end(pid_t *pid, unsigned grace_ms)
{
    enum { STEP_MS = 5, AGAIN_MS = 200 };
    int status = 0;
    if (*pid <= 0)
        return 0;
    for (unsigned waited = 0; waited < grace_ms; waited += STEP_MS) {
        if (waited % AGAIN_MS == 0)
            kill(*pid, SIGTERM);
        if (waitpid(*pid, &status, WNOHANG) != 0) {
            *pid = 0;
            return decode_status(status);
        }
        g_usleep(STEP_MS * 1000);
    }
    kill(*pid, SIGKILL);
    while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
    return decode_status(status);
}

char *ccb_process_find(const char *program, GError **error)
{
    char *path = g_find_program_in_path(program);
    if (path == NULL) {
        ccb_fail(error, CCB_ERR_HOST, "%s is not installed", program);
        ccb_hint(error,
                 "scripts/install-deps installs what ccbake needs; `ccbake doctor` lists it");
    }
    return path;
}

void ccb_argv_add(GPtrArray *argv, ...)
{
    va_list args;
    va_start(args, argv);
    for (const char *word; (word = va_arg(args, const char *)) != NULL;)
        g_ptr_array_add(argv, g_strdup(word));
    va_end(args);
}
