/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user sees while ccbake works.  Rooms report through these calls; only progress.c writes
 * to the terminal: a bar that redraws itself on a tty, plain lines elsewhere, nothing with --quiet.
 *
 *     ccb_progress_begin("fetch", "NVIDIA-Linux-x86_64-550.144.03.run", bytes_or_0);
 *     ccb_progress_update(done);            cheap; call as often as you like
 *     ccb_progress_end("from the store");   the note may be NULL
 *
 * One activity at a time.  ccb_progress_line() prints a line of its own between or within
 * activities.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { CCB_PROGRESS_AUTO, CCB_PROGRESS_PLAIN, CCB_PROGRESS_QUIET } CcbProgressMode;

void ccb_progress_set_mode(CcbProgressMode mode);

/* `total` in the units of later updates (bytes, as a rule); 0 where no length is known. */
void ccb_progress_begin(const char *tag, const char *what, uint64_t total);
void ccb_progress_update(uint64_t done);
void ccb_progress_tick(void); /* nothing new, but time has passed */
void ccb_progress_end(const char *note);

/* The activity failed: its line is left as it is, so that the error follows on a line of its own.
 */
void ccb_progress_abort(void);

void ccb_progress_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A warning, shown even with --quiet. */
void ccb_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* "5.4 GB", "812 kB": decimal units, as vendors print sizes.  Caller frees. */
char *ccb_format_size(uint64_t bytes);
/* "4.2 s", "3 min 12 s".  Caller frees. */
char *ccb_format_seconds(double seconds);
