/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/progress.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/eta.h"
#include "base/quantity.h"
#include "base/terminal.h"

enum {
    BAR_WIDTH = 20,
    REDRAW_US = 100 * 1000,
    EVENT_US = 1000 * 1000,
    RATE_US = 1000 * 1000, /* between two looks at how far it is */
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
} state;

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
    return !quiet() && strcmp(ccb_progress_options.mode, "auto") == 0 && isatty(STDERR_FILENO);
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

/* Takes ownership of the fields. */
static void write_event(const char *name, json_t *fields)
{
    double fraction, left;
    json_object_set_new(fields, "event", json_string(name));
    json_object_set_new(fields, "time", json_real((double)g_get_real_time() / G_USEC_PER_SEC));
    if (ccb_eta_now(&fraction, &left)) {
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

/* As much as fits into one row. */
static void print_row(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    glong room = (glong)ccb_terminal_columns(STDERR_FILENO) - 1;
    g_autofree char *row = g_utf8_substring(valid, 0, MIN(room, g_utf8_strlen(valid, -1)));
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
    if (state.board == NULL)
        return;
    g_free(state.board->pdata[index]);
    state.board->pdata[index] = g_strdup(text);
    if (g_get_monotonic_time() - state.drawn < REDRAW_US)
        return;
    erase();
    draw();
}

/* --- Activities */

void ccb_progress_begin(const char *tag, const char *what, uint64_t total)
{
    g_free(state.tag);
    g_free(state.what);
    state.tag = g_strdup(tag);
    state.what = g_strdup(what);
    state.total = total;
    state.done = 0;
    state.started = g_get_monotonic_time();
    state.active = true;
    state.rated = false;
    state.rate = 0;
    if (as_json())
        write_event("begin", activity_to_json());
    erase();
    draw();
}

void ccb_progress_rate(uint64_t already)
{
    state.done = state.rate_done = already;
    state.rate_time = g_get_monotonic_time();
    state.rated = true;
}

void ccb_progress_update(uint64_t done)
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

void ccb_progress_tick(void)
{
    if (gettid() != getpid())
        return;
    ccb_progress_update(state.done);
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
    fprintf(stderr, "%-8s %s  %s%s%s%s\n", state.tag, state.what, took, note ? " (" : "",
            note ? note : "", note ? ")" : "");
    draw();
}

void ccb_progress_end(const char *note)
{
    finish("end", note);
}

void ccb_progress_abort(void)
{
    if (state.active)
        finish("fail", "failed");
}

static void print_line(const char *event, const char *prefix, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    if (as_json()) {
        write_event(event, json_pack("{ss}", "text", valid));
        return;
    }
    erase();
    fprintf(stderr, "%s%s\n", prefix, text);
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

void ccb_progress_result(const char *result, const char *path, const char *format, ...)
{
    va_list args;
    if (quiet())
        return;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (as_json()) {
        g_autofree char *valid = g_utf8_make_valid(path, -1);
        write_event("result", json_pack("{ssssss}", "result", result, "path", valid, "text", text));
        return;
    }
    erase();
    fprintf(stderr, "%-8s %s%s\n", result, path, text);
    draw();
}

bool ccb_progress_forward(const char *image, const char *event)
{
    if (!as_json())
        return false;
    json_auto_t *json = json_loads(event, 0, NULL);
    if (json_is_object(json)) {
        json_object_set_new(json, "image", json_string(image));
        print_json(json);
    }
    return true;
}

void ccb_progress_error(const char *message, int exit_code)
{
    if (!as_json()) {
        g_autofree char *prefix = ccb_colored("ccbake: ", CCB_RED, ccb_color_wanted(STDERR_FILENO));
        fprintf(stderr, "%s%s\n", prefix, message);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    write_event("error", json_pack("{sssi}", "text", valid, "exit_code", exit_code));
}
