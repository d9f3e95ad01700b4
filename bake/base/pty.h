/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal that the user sits at: keys as they are typed, and a child process in front of the user.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/process.h"

/* Whether standard input and standard output are terminals. */
bool ccb_terminal_is_there(void);

/* Calls `relay` while keys come as they are typed, Ctrl-C too.  Whatever ends it, the terminal is as it was then: its
 * settings, and what a program may have switched by escape sequences (colours, no cursor, bracketed paste). */
bool ccb_terminal_raw(bool (*relay)(void *data, GError **error), void *data, GError **error);

/* Runs a child on our own standard streams, to its end; process->ret_status is how it ended, which is not an error.  Where
 * ccb_terminal_is_there(), the child gets a terminal of its own, which is relayed to ours: with job control, and without
 * access to ours.  Of `process` this uses argv, child_setup, data and shown.  Errors: CCB_ERR_HOST, CCB_ERR_IO,
 * CCB_ERR_CANCELLED. */
bool ccb_terminal_run(CcbProcess *process, GError **error);
