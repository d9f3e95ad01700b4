/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_COLUMNS = 80, LEAST_COLUMNS = 40, INDENT = 4 };

const char *ccb_color_when = "auto";

static bool is_set(const char *variable)
{
    const char *value = g_getenv(variable);
    return value != NULL && *value != '\0';
}

bool ccb_color_wanted(int fd)
{
    if (!g_str_equal(ccb_color_when, "auto"))
        return g_str_equal(ccb_color_when, "always");
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("CLICOLOR_FORCE") && !g_str_equal(g_getenv("CLICOLOR_FORCE"), "0"))
        return true;
    return isatty(fd) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

char *ccb_colored(const char *text, CcbColor color, bool wanted)
{
    return wanted ? g_strdup_printf("\033[%dm%s\033[0m", (int)color, text) : g_strdup(text);
}

unsigned ccb_terminal_width(int fd)
{
    struct winsize size;
    guint64 wanted;
    const char *variable = g_getenv("COLUMNS");
    if (!isatty(fd))
        return 0;
    if (variable != NULL && g_ascii_string_to_unsigned(variable, 10, 1, 10000, &wanted, NULL))
        return (unsigned)wanted;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
}

unsigned ccb_terminal_columns(int fd)
{
    unsigned width = ccb_terminal_width(fd);
    return width > 0 ? width : DEFAULT_COLUMNS;
}

void ccb_append_wrapped(GString *out, const char *text, unsigned indent, unsigned columns)
{
    const char *newline = strrchr(out->str, '\n');
    glong at = g_utf8_strlen(newline != NULL ? newline + 1 : out->str, -1);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    if (at + 2 > (glong)indent) { /* two blanks, or it would run into the text */
        g_string_append_c(out, '\n');
        at = 0;
    }
    g_string_append_printf(out, "%*s", (int)indent - (int)at, "");
    at = (glong)indent;
    for (char **word = words; *word != NULL; word++) {
        glong length = g_utf8_strlen(*word, -1);
        bool first = at == (glong)indent;
        if (!first && at + 1 + length > (glong)columns) {
            g_string_append_printf(out, "\n%*s", (int)indent, "");
            at = (glong)indent;
            first = true;
        }
        g_string_append_printf(out, "%s%s", first ? "" : " ", *word);
        at += length + !first;
    }
    g_string_append_c(out, '\n');
}

/* Where to break: before the last blank that lets the line fit, or else before the first one at all; NULL: nowhere. */
static const char *find_break(const char *line, const char *from, unsigned room)
{
    const char *best = NULL;
    unsigned used = 0;
    for (const char *c = line; *c != '\0' && (used <= room || best == NULL);
         c = g_utf8_next_char(c), used++)
        if (*c == ' ' && c > from && c[1] != '\0')
            best = c;
    return best;
}

static void wrap_line(GString *out, const char *line, unsigned columns)
{
    size_t indent = strspn(line, " ");
    const char *from = line + indent;
    g_autofree char *margin = g_strnfill(MIN(indent + INDENT, columns / 2), ' ');
    unsigned room = columns;
    while (g_utf8_strlen(line, -1) > room) {
        const char *at = find_break(line, from, room);
        if (at == NULL)
            break;
        g_string_append_len(out, line, at - line);
        g_string_append_printf(out, "\n%s", margin);
        line = from = at + 1;
        room = columns - (unsigned)strlen(margin);
    }
    g_string_append(out, line);
}

char *ccb_wrap_lines(const char *text, unsigned columns)
{
    if (columns < LEAST_COLUMNS || !g_utf8_validate(text, -1, NULL))
        return g_strdup(text);
    GString *out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        wrap_line(out, *line, columns);
        if (line[1] != NULL)
            g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
