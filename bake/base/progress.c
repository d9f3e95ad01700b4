/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/progress.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/eta.h"
#include "base/leak.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "base/text.h"

enum {
    BAR_WIDTH = 20,
    REDRAW_US = 100 * 1000,
    EVENT_US = 1000 * 1000,
    RATE_US = 1000 * 1000, /* between two looks at how far it is */
    HEARTBEAT_S = 30,
    OUTPUT_MAX = 160, /* characters of a heartbeat's last output */
};

CcbProgressOptions ccb_progress_options = {.mode = "auto"};

static struct {
    bool active;
    char *tag, *what;
    uint64_t total, done;
    gint64 started, drawn;
    bool rated;
    double rate; /* bytes a second, a mean in which the latest count most; 0: not known yet */
    uint64_t rate_done;
    gint64 rate_time; /* when the rate was measured last */
    GPtrArray *board; /* char *; NULL: none */
    guint drawn_rows; /* of the terminal, above the one that the cursor is in */
    char *output;     /* the last line of it, printable; NULL: none */
    gint64 heartbeat; /* when the next one is due */
} state;

/* Of `state` and of standard error; `changed` is told that an activity has begun. */
static GMutex lock;
static GCond changed;

static bool as_json(void)
{
    return strcmp(ccb_progress_options.mode, "json") == 0;
}

/* Whoever reads events sorts them out. */
static bool quiet(void)
{
    return ccb_progress_options.quiet && !as_json();
}

static bool on_terminal(void)
{
    return !quiet() && !ccb_progress_options.debug &&
           strcmp(ccb_progress_options.mode, "auto") == 0 && isatty(STDERR_FILENO);
}

static double elapsed(void)
{
    return (double)(g_get_monotonic_time() - state.started) / G_USEC_PER_SEC;
}

/* --- Events: one JSON object a line; ccbake(1) describes them. */

static void print_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(13));
    fprintf(stderr, "%s\n", text);
    free(text);
}

/* Takes ownership of the fields.  base/eta.h is of the main thread alone. */
static void write_event(const char *name, json_t *fields)
{
    double fraction, left;
    json_object_set_new(fields, "event", json_string(name));
    json_object_set_new(fields, "time", json_real((double)g_get_real_time() / G_USEC_PER_SEC));
    if (gettid() == getpid() && ccb_eta_now(&fraction, &left)) {
        json_object_set_new(fields, "fraction", json_real(fraction));
        if (left >= 0)
            json_object_set_new(fields, "left_s", json_real(left));
    }
    print_json(fields);
    json_decref(fields);
}

/* Negative where it can't be told. */
static double rest_s(void)
{
    return state.rate > 0 && state.total >= state.done
               ? (double)(state.total - state.done) / state.rate
               : -1;
}

static void measure_rate(void)
{
    enum { LATEST_PERCENT = 30 };
    gint64 now = g_get_monotonic_time(), since = now - state.rate_time;
    if (!state.rated || since < RATE_US)
        return;
    uint64_t more = state.done > state.rate_done ? state.done - state.rate_done : 0;
    double latest = (double)more * G_USEC_PER_SEC / (double)since;
    state.rate = state.rate > 0
                     ? (LATEST_PERCENT * latest + (100 - LATEST_PERCENT) * state.rate) / 100
                     : latest;
    state.rate_done = state.done;
    state.rate_time = now;
}

static json_t *activity_to_json(void)
{
    g_autofree char *what = g_utf8_make_valid(state.what, -1);
    json_t *json = json_pack("{sssssf}", "tag", state.tag, "what", what, "seconds", elapsed());
    if (state.total > 0) {
        json_object_set_new(json, "done", json_integer((json_int_t)MIN(state.done, state.total)));
        json_object_set_new(json, "total", json_integer((json_int_t)state.total));
    }
    if (state.rate > 0)
        json_object_set_new(json, "bytes_per_s", json_real(state.rate));
    if (rest_s() >= 0)
        json_object_set_new(json, "left_s", json_real(rest_s()));
    return json;
}

/* --- The foot of a terminal: the board, and the activity below it. */

/* "[####....] 40%  about 2 min left  fetch    NAME  1 min 3 s  12 MB/s" */
static char *activity_line(void)
{
    double fraction = 0, left = -1;
    bool known = ccb_eta_now(&fraction, &left);
    double own = state.total > 0 ? (double)MIN(state.done, state.total) / (double)state.total : 0;
    GString *line = g_string_new(NULL);
    if (!known && state.rated && state.total > 0) {
        known = true;
        fraction = own;
        left = rest_s();
    }
    if (known) {
        int filled = (int)(BAR_WIDTH * fraction);
        g_string_append_printf(line, "[%.*s%.*s] %3d%%  ", filled, "####################",
                               BAR_WIDTH - filled, "....................", (int)(100 * fraction));
    }
    if (known && left >= 0) {
        g_autofree char *text = ccb_format_seconds((double)(int)(left + 0.5));
        g_string_append_printf(line, "about %s left  ", text);
    }
    g_autofree char *took = ccb_format_seconds(elapsed());
    g_string_append_printf(line, "%-8s %s  %s", state.tag, state.what, took);
    if (state.total > 0 && !state.rated) /* else the bar has said it */
        g_string_append_printf(line, "  %d%%", (int)(100 * own));
    if (state.rate > 0) {
        g_autofree char *rate = ccb_format_size((uint64_t)state.rate);
        g_string_append_printf(line, "  %s/s", rate);
    }
    return g_string_free(line, FALSE);
}

/* All plain text goes out by this function and print_row(): it may quote an image, and must not control the terminal.
 * `prefix` is our own, and may have colours. */
G_GNUC_PRINTF(2, 3) static void print_text(const char *prefix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *shown = ccb_text_printable(text, strlen(text));
    fflush(stdout); /* what was printed before stands before */
    fprintf(stderr, "%s%s\n", prefix, shown);
}

/* As much as fits into one row. */
static void print_row(const char *text)
{
    g_autofree char *shown = ccb_name_printable(text);
    glong room = (glong)ccb_terminal_columns(STDERR_FILENO) - 1;
    g_autofree char *row = g_utf8_substring(shown, 0, MIN(room, g_utf8_strlen(shown, -1)));
    fputs(row, stderr);
}

static void erase(void)
{
    if (!on_terminal())
        return;
    if (state.drawn_rows > 0)
        fprintf(stderr, "\033[%uA", state.drawn_rows);
    fputs("\r\033[J", stderr);
    state.drawn_rows = 0;
}

static void draw(void)
{
    if (!on_terminal())
        return;
    for (guint i = 0; state.board != NULL && i < state.board->len; i++) {
        print_row(state.board->pdata[i]);
        fputc('\n', stderr);
        state.drawn_rows++;
    }
    if (state.active) {
        g_autofree char *line = activity_line();
        print_row(line);
    }
    fflush(stderr);
    state.drawn = g_get_monotonic_time();
}

bool ccb_progress_board(guint n)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    erase();
    g_clear_pointer(&state.board, g_ptr_array_unref);
    if (n > 0 && on_terminal()) {
        state.board = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < n; i++)
            g_ptr_array_add(state.board, g_strdup(""));
    }
    draw();
    return state.board != NULL;
}

void ccb_progress_board_set(guint index, const char *text)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (state.board == NULL)
        return;
    g_free(state.board->pdata[index]);
    state.board->pdata[index] = g_strdup(text);
    if (g_get_monotonic_time() - state.drawn < REDRAW_US)
        return;
    erase();
    draw();
}

/* --- Heartbeats: signs of life where a bar can't show them */

static gint64 heartbeat_us(void)
{
    const char *seconds = g_getenv("CCBAKE_HEARTBEAT");
    return (seconds ? g_ascii_strtoll(seconds, NULL, 10) : HEARTBEAT_S) * G_USEC_PER_SEC;
}

/* "7/11     nvidia-driver: still running after 1 min 0 s; last output: CC [M] nv.o" */
static void print_heartbeat(void)
{
    g_autofree char *output =
        state.output ? g_utf8_substring(state.output, 0,
                                        MIN(g_utf8_strlen(state.output, -1), (glong)OUTPUT_MAX))
                     : NULL;
    if (as_json()) {
        json_t *fields = activity_to_json();
        if (output)
            json_object_set_new(fields, "output", json_string(output));
        write_event("heartbeat", fields);
        return;
    }
    g_autofree char *took = ccb_format_seconds((double)(gint64)(elapsed() + 0.5));
    g_autofree char *part = g_strdup_printf(
        ", %d%%", state.total > 0 ? (int)(100 * MIN(state.done, state.total) / state.total) : 0);
    print_text("", "%-8s %s: still running after %s%s%s%s", state.tag, state.what, took,
               state.total > 0 ? part : "", output ? "; last output: " : "", output ? output : "");
}

static gpointer beat(gpointer data)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    for (;;) {
        if (!state.active)
            g_cond_wait(&changed, &lock);
        else if (!g_cond_wait_until(&changed, &lock, state.heartbeat) && state.active &&
                 g_get_monotonic_time() >= state.heartbeat) {
            print_heartbeat();
            state.heartbeat = g_get_monotonic_time() + heartbeat_us();
        }
    }
    return NULL;
}

static void take_lock(void)
{
    g_mutex_lock(&lock);
}

static void release_lock(void)
{
    g_mutex_unlock(&lock);
}

/* Once in a process: a child of it that does not exec has no heartbeats, and finds the lock free. */
static void start_heartbeats(void)
{
    static bool started;
    sigset_t all, before;
    if (started || quiet() || on_terminal())
        return;
    started = true;
    pthread_atfork(take_lock, release_lock, release_lock);
    /* Signals interrupt what the main thread waits for. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    g_thread_unref(g_thread_new("heartbeat", beat, NULL));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- Activities */

void ccb_progress_begin(const char *tag, const char *what, uint64_t total)
{
    start_heartbeats();
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    g_free(state.tag);
    g_free(state.what);
    g_clear_pointer(&state.output, g_free);
    state.tag = g_strdup(tag);
    state.what = g_strdup(what);
    state.total = total;
    state.done = 0;
    state.started = g_get_monotonic_time();
    state.active = true;
    state.rated = false;
    state.rate = 0;
    state.heartbeat = state.started + heartbeat_us();
    g_cond_signal(&changed);
    if (as_json())
        write_event("begin", activity_to_json());
    erase();
    draw();
}

void ccb_progress_announce(const char *name)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (quiet() || as_json() || on_terminal())
        return;
    print_text("", "%-8s %s ...", state.tag, state.what);
    g_free(state.what);
    state.what = g_strdup(name);
}

void ccb_progress_rate(uint64_t already)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    state.done = state.rate_done = already;
    state.rate_time = g_get_monotonic_time();
    state.rated = true;
}

static void update(uint64_t done)
{
    gint64 since = g_get_monotonic_time() - state.drawn;
    state.done = done;
    measure_rate();
    if (!state.active || quiet())
        return;
    if (as_json() && since >= EVENT_US) {
        state.drawn = g_get_monotonic_time();
        write_event("progress", activity_to_json());
    } else if (on_terminal() && since >= REDRAW_US) {
        erase();
        draw();
    }
}

void ccb_progress_update(uint64_t done)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    update(done);
}

void ccb_progress_tick(void)
{
    if (gettid() != getpid())
        return;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    update(state.done);
}

void ccb_progress_output(const char *line)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    g_free(state.output);
    state.output = ccb_text_printable(line, strlen(line));
    if (!ccb_progress_options.verbose)
        return;
    if (as_json()) {
        write_event("output", json_pack("{ss}", "text", state.output));
        return;
    }
    erase();
    print_text("  | ", "%s", state.output);
    draw();
}

static void finish(const char *event, const char *note)
{
    erase();
    state.active = false;
    if (quiet())
        return;
    if (as_json()) {
        json_t *fields = activity_to_json();
        if (note)
            json_object_set_new(fields, "note", json_string(note));
        write_event(event, fields);
        return;
    }
    g_autofree char *took = ccb_format_seconds(elapsed());
    print_text("", "%-8s %s  %s%s%s%s", state.tag, state.what, took, note ? " (" : "",
               note ? note : "", note ? ")" : "");
    draw();
}

void ccb_progress_end(const char *note)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    finish("end", note);
}

void ccb_progress_cached(const char *tag, const char *what)
{
    if (!as_json()) {
        ccb_progress_line("%-8s %s  (cached)", tag, what);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(what, -1);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    write_event("end",
                json_pack("{sssssisb}", "tag", tag, "what", valid, "seconds", 0, "cached", 1));
}

void ccb_progress_abort(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (state.active)
        finish("fail", "failed");
}

static void print_line(const char *event, const char *prefix, const char *format, va_list args)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    if (as_json()) {
        write_event(event, json_pack("{ss}", "text", valid));
        return;
    }
    erase();
    print_text(prefix, "%s", text);
    draw();
}

void ccb_progress_line(const char *format, ...)
{
    if (quiet())
        return;
    va_list args;
    va_start(args, format);
    print_line("line", "", format, args);
    va_end(args);
}

void ccb_warn(const char *format, ...)
{
    va_list args;
    g_autofree char *prefix = ccb_colored("warning: ", CCB_YELLOW, ccb_color_wanted(STDERR_FILENO));
    va_start(args, format);
    print_line("warning", prefix, format, args);
    va_end(args);
}

void ccb_debug(gint64 started, const char *format, ...)
{
    if (!ccb_progress_options.debug)
        return;
    double ms = (double)(g_get_monotonic_time() - started) / 1000;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *masked = ccb_leaks_mask(text);
    g_autofree char *shown = ccb_name_printable(masked);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (as_json())
        write_event("debug", json_pack("{sfss}", "ms", ms, "text", shown));
    else
        print_text("debug: ", "%.1f ms %s", ms, shown);
}

void ccb_progress_result(const char *result, const char *path, const char *format, ...)
{
    va_list args;
    if (quiet())
        return;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (as_json()) {
        g_autofree char *valid = g_utf8_make_valid(path, -1);
        const char *alone =
            text + strspn(text, ", "); /* what joins it to the path in plain output */
        write_event("result",
                    json_pack("{ssssss}", "result", result, "path", valid, "text", alone));
        return;
    }
    erase();
    print_text("", "%-8s %s%s", result, path, text);
    draw();
}

bool ccb_progress_forward(const char *image, const char *event)
{
    if (!as_json())
        return false;
    json_auto_t *json = json_loads(event, 0, NULL);
    if (json_is_object(json)) {
        g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
        json_object_set_new(json, "image", json_string(image));
        print_json(json);
    }
    return true;
}

void ccb_progress_error(const char *message, int exit_code)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    if (!as_json()) {
        g_autofree char *prefix = ccb_colored("ccbake: ", CCB_RED, ccb_color_wanted(STDERR_FILENO));
        print_text(prefix, "%s", message);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    write_event("error", json_pack("{sssi}", "text", valid, "exit_code", exit_code));
}
