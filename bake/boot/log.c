/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/log.h"

#include <stdio.h>

#include "base/error.h"
#include "boot/console.h"

struct CcbBootLog {
    char *path;
    FILE *file;
    gint64 started;
};

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
