/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIGINT, SIGTERM and SIGHUP: the handler notes the signal and kills the children it was told of; whoever
 * waits sees it through ccb_cancelled() and returns with CCB_ERR_CANCELLED, so that every cleanup
 * runs.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

void ccb_cancel_install(void);

/* Whether a signal has asked us to stop. */
bool ccb_cancelled(void);

/* As above, and sets the error: `if (ccb_cancel_check(error)) return false;` */
bool ccb_cancel_check(GError **error);

/* A process to be killed (SIGKILL) at once when a signal arrives, for calls that block in a library
 * (libguestfs's QEMU), until it is withdrawn; two at a time, as a comparison has two images open. */
void ccb_cancel_add_victim(pid_t pid);
void ccb_cancel_remove_victim(pid_t pid);

/* Becomes readable when cancelled; for poll(). */
int ccb_cancel_fd(void);
