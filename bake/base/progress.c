/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_WIDTH = 24, REDRAW_US = 100 * 1000, DEFAULT_COLUMNS = 80 };

static struct {
    CcbProgressMode mode;
    bool active;
    char *tag, *what;
    uint64_t total, done;
    gint64 started, drawn;
} state;

static bool on_terminal(void)
{
    return state.mode == CCB_PROGRESS_AUTO && isatty(STDERR_FILENO);
}

static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

char *ccb_format_size(uint64_t bytes)
{
    return g_format_size(bytes);
}

char *ccb_format_seconds(double seconds)
{
    if (seconds < 60)
        return g_strdup_printf("%.1f s", seconds);
    return g_strdup_printf("%d min %02d s", (int)seconds / 60, (int)seconds % 60);
}

static double elapsed(void)
{
    return (double)(g_get_monotonic_time() - state.started) / G_USEC_PER_SEC;
}

static void draw_bar(GString *line)
{
    uint64_t done = MIN(state.done, state.total);
    int filled = (int)((double)BAR_WIDTH * (double)done / (double)state.total);
    g_string_append_printf(line, " [%.*s%.*s] %3d%%", filled, "########################",
                           BAR_WIDTH - filled, "........................",
                           (int)(100.0 * (double)done / (double)state.total));
}

static void redraw(void)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *took = ccb_format_seconds(elapsed());
    g_string_printf(line, "%-8s %s", state.tag, state.what);
    if (state.total > 0)
        draw_bar(line);
    g_string_append_printf(line, "  %s", took);
    fprintf(stderr, "\r\033[K%.*s", columns() - 1, line->str);
    fflush(stderr);
    state.drawn = g_get_monotonic_time();
}

static void clear_line(void)
{
    if (state.active && on_terminal())
        fputs("\r\033[K", stderr);
}

void ccb_progress_set_mode(CcbProgressMode mode)
{
    state.mode = mode;
}

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
    if (on_terminal())
        redraw();
}

void ccb_progress_update(uint64_t done)
{
    state.done = done;
    if (state.active && on_terminal() && g_get_monotonic_time() - state.drawn >= REDRAW_US)
        redraw();
}

void ccb_progress_tick(void)
{
    ccb_progress_update(state.done);
}

static void finish(const char *note)
{
    clear_line();
    state.active = false;
    if (state.mode == CCB_PROGRESS_QUIET)
        return;
    g_autofree char *took = ccb_format_seconds(elapsed());
    fprintf(stderr, "%-8s %s  %s%s%s%s\n", state.tag, state.what, took, note ? " (" : "",
            note ? note : "", note ? ")" : "");
}

void ccb_progress_end(const char *note)
{
    finish(note);
}

void ccb_progress_abort(void)
{
    if (state.active)
        finish("failed");
}

static void print_line(const char *prefix, const char *format, va_list args)
{
    clear_line();
    g_autofree char *text = g_strdup_vprintf(format, args);
    fprintf(stderr, "%s%s\n", prefix, text);
    if (state.active && on_terminal())
        redraw();
}

void ccb_progress_line(const char *format, ...)
{
    if (state.mode == CCB_PROGRESS_QUIET)
        return;
    va_list args;
    va_start(args, format);
    print_line("", format, args);
    va_end(args);
}

void ccb_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("warning: ", format, args);
    va_end(args);
}
