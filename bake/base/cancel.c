/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cancel.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

static volatile sig_atomic_t got_signal;
static volatile sig_atomic_t victims[2]; /* process numbers; 0: free */
static int event_fd = -1;

static void on_signal(int number)
{
    int saved = errno;
    uint64_t one = 1;
    got_signal = number;
    for (size_t i = 0; i < G_N_ELEMENTS(victims); i++)
        if (victims[i] > 0)
            kill((pid_t)victims[i], SIGKILL);
    /* An eventfd write of 8 bytes fails only when the counter is full: it is readable then, too. */
    ssize_t ignored = write(event_fd, &one, sizeof one);
    (void)ignored;
    errno = saved;
}

void ccb_cancel_install(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
    /* A reader of our output that goes away is an ordinary write error. */
    signal(SIGPIPE, SIG_IGN);
}

bool ccb_cancelled(void)
{
    return got_signal != 0;
}

bool ccb_cancel_check(GError **error)
{
    if (got_signal == 0)
        return false;
    if (got_signal == SIGINT)
        ccb_fail(error, CCB_ERR_CANCELLED, "stopped by Ctrl-C");
    else
        ccb_fail(error, CCB_ERR_CANCELLED, "stopped by SIG%s", sigabbrev_np(got_signal));
    return true;
}

/* Puts `now` in the place of the first that is `then`. */
static void exchange_victim(pid_t then, pid_t now)
{
    for (size_t i = 0; i < G_N_ELEMENTS(victims); i++)
        if (victims[i] == (sig_atomic_t)then) {
            victims[i] = (sig_atomic_t)now;
            return;
        }
}

void ccb_cancel_add_victim(pid_t pid)
{
    exchange_victim(0, pid);
    if (got_signal != 0)
        kill(pid, SIGKILL);
}

void ccb_cancel_remove_victim(pid_t pid)
{
    exchange_victim(pid, 0);
}

int ccb_cancel_fd(void)
{
    return event_fd;
}
