/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bound for the number of processes of a guest's commands: a cgroup of its own, as the kernel exempts root from the
 * limit of setrlimit(2).
 */
#pragma once

typedef struct CcbPidLimit CcbPidLimit;

/* Makes the cgroup, beside or below that of this process; NULL where none can be made, as in a container without root or
 * without the controller: then the number is not bounded. */
CcbPidLimit *ccb_pid_limit_new(void);

/* The calling process, a child before exec, is counted from then on, with its children.  Accepts NULL; async-signal-safe. */
void ccb_pid_limit_join(const CcbPidLimit *limit);

/* Removes the cgroup, whose processes have ended; accepts NULL. */
void ccb_pid_limit_free(CcbPidLimit *limit);
