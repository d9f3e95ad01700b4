/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "boot/console.h"

struct CcbBootLog {
    char *path;
    FILE *file;
    gint64 started;
};

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

CcbBootLog *ccb_boot_log_open(const char *path, GError **error)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    setlinebuf(file); /* it is followed while a boot runs */
    CcbBootLog *log = g_new0(CcbBootLog, 1);
    *log = (CcbBootLog){g_strdup(path), file, g_get_monotonic_time()};
    return log;
}

void ccb_boot_log_line(CcbBootLog *log, const char *line)
{
    g_autofree char *plain = ccb_console_plain(line);
    double seconds = (double)(g_get_monotonic_time() - log->started) / G_USEC_PER_SEC;
    fprintf(log->file, "%10.3f %s\n", seconds, plain);
}

bool ccb_boot_log_close(CcbBootLog *log, GError **error)
{
    if (log == NULL)
        return true;
    bool failed = ferror(log->file) != 0;
    failed = fclose(log->file) != 0 || failed;
    if (failed)
        ccb_fail(error, CCB_ERR_IO, "%s: it could not be written to its end", log->path);
    g_free(log->path);
    g_free(log);
    return !failed;
}
