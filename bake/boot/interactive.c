/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's console on this terminal. */
#include <poll.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/pty.h"
#include "boot/boot.h"
#include "boot/log.h"
#include "boot/qemu.h"
#include "host/kvm.h"

enum { CTRL_A = 1 };

typedef struct {
    CcbMachine machine;
    CcbBootLog *log;
    CcbLines errors, console_lines;
    GString *said; /* what QEMU itself said */
    bool escape;   /* Ctrl-A was typed: the next key is for us */
    bool left, ended;
    gint64 deadline; /* 0: none */
} Session;

static void take_console_line(const char *line, void *data)
{
    ccb_boot_log_line(((Session *)data)->log, line);
}

static void take_error_line(const char *line, void *data)
{
    Session *session = data;
    ccb_boot_log_line(session->log, line);
    g_string_append_printf(session->said, "%s%s", session->said->len ? "; " : "", line);
}

/* To the guest, but for Ctrl-A x (leave); Ctrl-A twice is one. */
static void take_key(Session *session, char key)
{
    if (session->escape && (key == 'x' || key == 'X'))
        session->left = true;
    bool ours = !session->escape && key == CTRL_A;
    bool unknown = session->escape && key != CTRL_A;
    session->escape = ours;
    if (!ours && !unknown && write(session->machine.input, &key, 1) != 1)
        return; /* nobody reads in the guest, and 64 KiB are waiting: a key is lost, as on a real port */
}

/* A part of what there is: a guest may print faster than the terminal takes it, and keys count all the same. */
static bool show_console(Session *session, GError **error)
{
    enum { ROUNDS = 16 };
    char buffer[4096];
    for (int round = 0; round < ROUNDS; round++) {
        ssize_t n = read(session->machine.console, buffer, sizeof buffer);
        if (n <= 0)
            return true;
        ccb_lines_add(&session->console_lines, buffer, (size_t)n);
        if (!ccb_write_all(STDOUT_FILENO, buffer, (size_t)n, "the terminal", error))
            return false;
    }
    return true;
}

static bool relay(void *data, GError **error)
{
    Session *session = data;
    enum { TICK_MS = 1000 };
    while (!session->left && !session->ended &&
           (session->deadline == 0 || g_get_monotonic_time() < session->deadline)) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = session->machine.console, .events = POLLIN},
                               {.fd = session->machine.errors, .events = POLLIN},
                               {.fd = ccb_cancel_fd(), .events = POLLIN}};
        poll(fds, G_N_ELEMENTS(fds), TICK_MS);
        if (ccb_cancel_check(error))
            return false;
        if (fds[0].revents) {
            char keys[256];
            ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
            for (ssize_t i = 0; i < n; i++)
                take_key(session, keys[i]);
            session->left |= n <= 0; /* the terminal is gone */
        }
        session->ended = !ccb_lines_read(&session->errors, session->machine.errors);
        if (!show_console(session, error))
            return false;
    }
    ccb_lines_flush(&session->console_lines);
    if (session->ended && session->said->len)
        return ccb_fail(error, CCB_ERR_HOST, "QEMU: %s", session->said->str);
    return true;
}

bool ccb_boot_interactive(const CcbBootOptions *options, GError **error)
{
    Session session = {.machine = CCB_MACHINE_NONE, .said = g_string_new(NULL)};
    bool emulated = ccb_kvm_probe(NULL) != CCB_KVM_WORKS;
    /* As the image says it, and where we can see it. */
    g_autofree char *cmdline =
        g_strconcat(options->source->cmdline, " console=ttyS0,115200n8 plymouth.enable=0", NULL);
    if (options->limit_s)
        session.deadline = g_get_monotonic_time() + (gint64)options->limit_s * G_USEC_PER_SEC;
    ccb_lines_init(&session.errors, take_error_line, &session);
    ccb_lines_init(&session.console_lines, take_console_line, &session);
    session.log = ccb_boot_log_open(options->log, error);
    bool ok = session.log &&
              ccb_machine_start(&session.machine, options, cmdline, emulated, error) &&
              ccb_terminal_raw(relay, &session, error);
    ccb_machine_end(&session.machine);
    ok = ccb_boot_log_close(session.log, ok ? error : NULL) && ok;
    ccb_lines_clear(&session.errors);
    ccb_lines_clear(&session.console_lines);
    g_string_free(session.said, TRUE);
    return ok;
}
