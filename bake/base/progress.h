/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user sees while ccbake works.  Rooms report through these calls; only progress.c writes
 * to the terminal: a bar that redraws itself on a tty, plain lines elsewhere, one JSON object a line
 * with --progress=json, warnings and errors only with --quiet.
 *
 *     ccb_progress_begin("fetch", "NVIDIA-Linux-x86_64-550.144.03.run", bytes_or_0);
 *     ccb_progress_update(done);            cheap; call as often as you like
 *     ccb_progress_end("from the store");   the note may be NULL
 *
 * One activity at a time.  ccb_progress_line() prints a line of its own between or within
 * activities.  Where base/eta.h knows of a task, its bar and the time left are shown, too.
 * Where there is no terminal, a thread says every 30 seconds that an activity still runs, also
 * while the main thread waits for a library.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

/* How a verb's user wants to see it: the option table of the verb fills this. */
typedef struct {
    const char *mode; /* "auto", "plain", "json" */
    bool quiet;
    bool verbose; /* show what the guest's commands print */
    bool debug;   /* show ccb_debug(); there is no bar then */
} CcbProgressOptions;

extern CcbProgressOptions ccb_progress_options;

/* Rows for a verb's option table. */
#define CCB_PROGRESS_OPTIONS                                                                       \
    {"progress",        0,                                                                         \
     CCB_OPT_STRING,    &ccb_progress_options.mode,                                                \
     "auto|plain|json", "auto: a bar on a terminal, lines elsewhere"},                             \
    {                                                                                              \
        "quiet", 'q', CCB_OPT_FLAG, &ccb_progress_options.quiet, NULL,                             \
            "print warnings and errors only"                                                       \
    }

/* A row for verbs that run commands in a guest. */
#define CCB_VERBOSE_OPTION                                                                         \
    {                                                                                              \
        "verbose", 'v', CCB_OPT_FLAG, &ccb_progress_options.verbose, NULL,                         \
            "print what the commands of the steps print, as it comes"                              \
    }

/* A row for verbs that open a guest. */
#define CCB_DEBUG_OPTION                                                                           \
    {                                                                                              \
        "debug", 0, CCB_OPT_FLAG, &ccb_progress_options.debug, NULL,                               \
            "print each access to the image and each process, with its time"                       \
    }

/* `total` in the units of later updates (bytes, as a rule); 0 where no length is known. */
void ccb_progress_begin(const char *tag, const char *what, uint64_t total);
void ccb_progress_update(uint64_t done);
void ccb_progress_tick(void); /* nothing new, but time has passed; of the main thread alone */

/* The activity's updates are bytes on their way, `already` of them before it began: how fast they
 * go is shown, and how long the rest will take.  After ccb_progress_begin(). */
void ccb_progress_rate(uint64_t already);

/* The activity takes long: plain lines say that it has begun, and then call it `name`, which is shorter than `what`.
 * After ccb_progress_begin(). */
void ccb_progress_announce(const char *name);

/* A line that a command of the activity printed.  Shown with --verbose; the last one tells how far it is. */
void ccb_progress_output(const char *line);

void ccb_progress_end(const char *note);

/* An activity of which there is nothing to do: the cache has its result. */
void ccb_progress_cached(const char *tag, const char *what);

/* The activity failed: its line is left as it is, so that the error follows on a line of its own.
 */
void ccb_progress_abort(void);

void ccb_progress_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A warning, shown even with --quiet. */
void ccb_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Of --debug: what was done since `started` (g_get_monotonic_time()); from any thread.  Does nothing otherwise. */
void ccb_debug(gint64 started, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* What came of it: `result` is one word, as "baked"; the text may be "". */
void ccb_progress_result(const char *result, const char *path, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* With --progress=json: passes on the event of a ccbake that was started for one of several images.  Whether it did:
 * where not, the caller shows what the event says. */
bool ccb_progress_forward(const char *image, const char *event);

/* The error that ccbake ends with. */
void ccb_progress_error(const char *message, int exit_code);

/* Lines at the foot of a terminal, one for each of several tasks at once; `text` replaces
 * line `index`.  Elsewhere than on a terminal there is no board, and setting its lines does nothing.
 * `n` 0 removes them; ccb_progress_board() says whether there is a board. */
bool ccb_progress_board(guint n);
void ccb_progress_board_set(guint index, const char *text);
