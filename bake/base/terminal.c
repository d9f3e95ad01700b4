/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_COLUMNS = 80 };

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

unsigned ccb_terminal_columns(int fd)
{
    struct winsize size;
    bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : DEFAULT_COLUMNS;
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
