/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes: argv arrays, never a shell; closed descriptors; an environment without secrets; killed with their whole
 * process group when a limit passes, when ccbake is cancelled and, through PR_SET_PDEATHSIG, when ccbake dies.
 *
 *     const char *argv[] = {"qemu-img", "check", path, NULL};
 *     CcbProcess p = {.argv = argv, .limit_s = 600};
 *     if (!ccb_process_run(&p, error))        could not start, time over, cancelled, exit code not 0
 *         return false;
 *
 * With .allow_failure the exit status is the caller's to check.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Receives each line of the child's output (stdout and stderr in order of arrival), without the
 * newline. */
typedef void (*CcbLineFunc)(const char *line, void *data);

typedef struct {
    const char *const *argv;
    const char *name;         /* for messages; NULL: argv[0] */
    const char *const *shown; /* for --debug, where argv may hold a secret; NULL: argv */
    CcbErrorCode error_code;  /* of a failing exit; 0: CCB_ERR_HOST */
    bool whole_environment;   /* ours, for what acts for the user; else only what tools need */
    const char *stdin_text;   /* NULL: /dev/null */
    unsigned limit_s;         /* wall-clock limit in seconds; 0: none */
    bool allow_failure;       /* a non-zero exit is not an error */
    bool on_terminal;         /* standard input becomes its controlling terminal */
    int keep_fd;          /* a descriptor that the child keeps, beside the first three; 0: none */
    bool separate_stdout; /* keep stdout for ret_stdout; only stderr goes to on_line */
    CcbLineFunc on_line;  /* NULL: the last lines are kept for the error message only */
    void *data;           /* for on_line */
    void *setup_data;     /* for child_setup */
    void (*child_setup)(void *data); /* in the child before exec; async-signal-safe calls only */
    GString *ret_stdout;             /* filled where separate_stdout is set; caller owns */
    int ret_status;                  /* exit code, or 128 + signal */
    bool ret_timed_out;              /* the limit passed */
} CcbProcess;

/* Runs to the end.  Errors: CCB_ERR_HOST (the program is missing, or failed: with its last lines of
 * output), CCB_ERR_STEP (the limit passed), CCB_ERR_CANCELLED. */
bool ccb_process_run(CcbProcess *process, GError **error);

/* Runs several, `at_a_time` of them at once, in their order; `on_end` is called for each that has ended, with its
 * ret_status set.  Exit codes are the caller's to check; limits are not kept.  Errors: CCB_ERR_HOST (one can't be
 * started), CCB_ERR_CANCELLED; what still runs then gets SIGTERM, and SIGKILL after a while. */
bool ccb_process_run_all(CcbProcess *processes, guint n, guint at_a_time,
                         void (*on_end)(const CcbProcess *process), GError **error);

/* Starts a child with these for its standard streams, which stay the caller's to close; it gets SIGKILL when ccbake dies.
 * Returns the pid, or -1 with CCB_ERR_HOST. */
pid_t ccb_process_start(const CcbProcess *process, const int fds[3], GError **error);

/* Starts a daemon-like child in the background; it gets SIGKILL when ccbake dies.  Its output goes
 * to `log_fd` (-1: /dev/null).  Returns the pid, or -1. */
pid_t ccb_process_spawn(const char *const *argv, int log_fd, GError **error);

/* Waits up to `limit_ms` milliseconds for such a child to end by itself, or until ccbake is cancelled, and ends it then
 * as ccb_process_end() does.  Returns as that; *pid is not 0. */
int ccb_process_wait(pid_t *pid, unsigned limit_ms, unsigned grace_ms);

/* SIGTERM, up to `grace_ms` milliseconds, then SIGKILL; reaps and sets *pid to 0.  Returns the exit
 * code, or 128 + signal; 0 for pid 0.
 *
 * SIGTERM is sent again and again: qemu-storage-daemon's handler only sets a variable, and one that
 * comes between its look at that and its next wait for work is lost until there is work. */
int ccb_process_end(pid_t *pid, unsigned grace_ms);

/* Adds words to a command line, a copy of each; NULL ends them. */
void ccb_argv_add(GPtrArray *argv, ...) G_GNUC_NULL_TERMINATED;

/* The path of a program in $PATH (caller frees), or NULL with CCB_ERR_HOST and the package to
 * install. */
char *ccb_process_find(const char *program, GError **error);
