/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that parses what strangers made gives up all that it does not need for it: root, files (Landlock), and all system
 * calls but those for memory and for what it holds open (seccomp).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Bytes of memory, and seconds of a processor, that it may use from then on. */
typedef struct {
    guint64 memory;
    unsigned cpu_s;
} CcbLockinLimits;

/* Locks this process in, for good; what it may do from then on: read and write descriptors that it holds, files in memory
 * (memfd_create), memory, clocks, its end.  *ret_lacks: what this kernel does not have of it ("Landlock"), or NULL; a
 * constant.  Errors: CCB_ERR_HOST. */
bool ccb_lock_in(const CcbLockinLimits *limits, const char **ret_lacks, GError **error);
