/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { TICK_MS = 200, GRACE_MS = 1000 };

bool ccb_terminal_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

bool ccb_terminal_raw(bool (*relay)(void *data, GError **error), void *data, GError **error)
{
    static const char calm[] = "\033[0m\033[?25h\033[?2004l";
    struct termios saved, raw;
    if (tcgetattr(STDIN_FILENO, &saved) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "the terminal");
    raw = saved;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "the terminal");
    bool ok = relay(data, error);
    ok = ccb_write_all(STDOUT_FILENO, calm, strlen(calm), "the terminal", ok ? error : NULL) && ok;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    return ok;
}

typedef struct {
    int master; /* the other end of the child's terminal */
    pid_t pid;
    char keys[256]; /* typed, and not taken by the child's terminal yet */
    size_t n_keys;
} Session;

static void copy_size(int master)
{
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        ioctl(master, TIOCSWINSZ, &size); /* tells the child where it is another one */
}

/* Passes on what the child has printed, in pieces; false where nothing is left, and nobody to print more. */
static bool pass_output(Session *session, bool *ret_more, GError **error)
{
    char buffer[4096];
    ssize_t n = read(session->master, buffer, sizeof buffer);
    *ret_more = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    return n <= 0 || ccb_write_all(STDOUT_FILENO, buffer, (size_t)n, "the terminal", error);
}

/* Until all who have the child's terminal open are gone. */
static bool relay(void *data, GError **error)
{
    Session *session = data;
    for (bool more = true; more;) {
        short wanted = session->n_keys > 0 ? POLLIN | POLLOUT : POLLIN;
        struct pollfd fds[] = {
            {.fd = session->n_keys == 0 ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = session->master, .events = wanted},
            {.fd = ccb_cancel_fd(), .events = POLLIN},
        };
        copy_size(session->master);
        poll(fds, G_N_ELEMENTS(fds), TICK_MS);
        if (ccb_cancel_check(error))
            return false;
        if (fds[0].revents) {
            ssize_t n = read(STDIN_FILENO, session->keys, sizeof session->keys);
            if (n <= 0) /* our terminal is gone */
                return true;
            session->n_keys = (size_t)n;
        }
        ssize_t taken =
            session->n_keys > 0 ? write(session->master, session->keys, session->n_keys) : 0;
        if (taken > 0) {
            session->n_keys -= (size_t)taken;
            memmove(session->keys, session->keys + taken, session->n_keys);
        }
        if ((fds[1].revents & ~POLLOUT) != 0 && !pass_output(session, &more, error))
            return false;
    }
    return true;
}

static bool run_on_terminal(CcbProcess *process, GError **error)
{
    struct termios settings;
    ccb_autofd int slave = -1;
    Session session = {.master = -1};
    if (tcgetattr(STDIN_FILENO, &settings) != 0 ||
        openpty(&session.master, &slave, NULL, &settings, NULL) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a terminal");
    fcntl(session.master, F_SETFL, O_NONBLOCK);
    copy_size(session.master);
    const int fds[3] = {slave, slave, slave};
    process->on_terminal = true;
    session.pid = ccb_process_start(process, fds, error);
    ccb_close_fd(&slave);
    bool ok = session.pid > 0 && ccb_terminal_raw(relay, &session, error);
    close(session.master); /* hangs up */
    process->ret_status = ccb_process_wait(&session.pid, ok ? GRACE_MS : 0, GRACE_MS);
    return ok;
}

/* With our own descriptors; where one is a terminal, it is not the child's controlling one. */
static bool run_on_streams(CcbProcess *process, GError **error)
{
    const int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    pid_t pid = ccb_process_start(process, fds, error);
    if (pid < 0)
        return false;
    process->ret_status = ccb_process_wait(&pid, G_MAXUINT, GRACE_MS);
    return !ccb_cancel_check(error);
}

bool ccb_terminal_run(CcbProcess *process, GError **error)
{
    if (ccb_cancel_check(error))
        return false;
    return ccb_terminal_is_there() ? run_on_terminal(process, error)
                                   : run_on_streams(process, error);
}
