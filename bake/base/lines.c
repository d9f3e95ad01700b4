/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lines.h"

#include <string.h>
#include <unistd.h>

void ccb_lines_init(CcbLines *lines, void (*take)(const char *line, void *data), void *data)
{
    *lines = (CcbLines){g_string_new(NULL), take, data};
}

void ccb_lines_clear(CcbLines *lines)
{
    g_string_free(lines->partial, TRUE);
    lines->partial = NULL;
}

void ccb_lines_flush(CcbLines *lines)
{
    if (lines->partial->len > 0)
        lines->take(lines->partial->str, lines->data);
    g_string_truncate(lines->partial, 0);
}

void ccb_lines_add(CcbLines *lines, const char *text, size_t size)
{
    enum { LONGEST = 64 << 10 }; /* without a line break: garbage, not a line to wait for */
    const char *end = text + size, *newline;
    while ((newline = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        g_string_append_len(lines->partial, text, newline - text);
        lines->take(lines->partial->str, lines->data);
        g_string_truncate(lines->partial, 0);
        text = newline + 1;
    }
    g_string_append_len(lines->partial, text, end - text);
    if (lines->partial->len > LONGEST)
        ccb_lines_flush(lines);
}

bool ccb_lines_read(CcbLines *lines, int fd)
{
    enum { ROUNDS = 16 };
    char buffer[16384];
    for (int round = 0; round < ROUNDS; round++) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n == 0)
            return false;
        if (n < 0)
            return true;
        ccb_lines_add(lines, buffer, (size_t)n);
    }
    return true;
}
