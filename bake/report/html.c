/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Printable text needs no more than the five characters of XML escaped. */
static void append_escaped(GString *out, const char *printable)
{
    g_autofree char *escaped = g_markup_escape_text(printable, -1);
    g_string_append(out, escaped);
}

void ccb_html_lines(GString *out, const char *text, size_t length)
{
    g_autofree char *printable = ccb_text_printable(text, length);
    append_escaped(out, printable);
}

static void append_text(GString *out, const char *text)
{
    g_autofree char *printable = ccb_name_printable(text != NULL ? text : "");
    append_escaped(out, printable);
}

void ccb_html(GString *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *at = format, *next; *at != '\0'; at = next) {
        next = at + strcspn(at, "%");
        g_string_append_len(out, at, next - at);
        if (*next == '\0')
            break;
        switch (next[1]) {
        case 's':
            append_text(out, va_arg(args, const char *));
            break;
        case 'u':
            g_string_append_printf(out, "%u", va_arg(args, unsigned));
            break;
        case '%':
            g_string_append_c(out, '%');
            break;
        default:
            g_assert_not_reached();
        }
        next += 2;
    }
    va_end(args);
}

void ccb_html_table(GString *out, const char *class, const char *caption, ...)
{
    va_list columns;
    ccb_html(out, "<table class=\"%s\"><caption>%s</caption>\n<thead><tr>", class, caption);
    va_start(columns, caption);
    for (const char *column; (column = va_arg(columns, const char *)) != NULL;) {
        bool numbers = column[0] == '#';
        g_string_append(out,
                        numbers ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">");
        ccb_html(out, "%s</th>", numbers ? column + 1 : column);
    }
    va_end(columns);
    g_string_append(out, "</tr></thead>\n<tbody>\n");
}

void ccb_html_table_end(GString *out)
{
    g_string_append(out, "</tbody></table>\n");
}
