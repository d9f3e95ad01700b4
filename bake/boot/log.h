/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a boot's console: "%10.3f TEXT" a line, the seconds from QEMU's start to the end of the line, and the line
 * without escape sequences and what a carriage return has overwritten.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CcbBootLog CcbBootLog;
/* Replaces the file.  Errors: CCB_ERR_IO. */
CcbBootLog *ccb_boot_log_open(const char *path, GError **error);
void ccb_boot_log_line(CcbBootLog *log, const char *line);
/* Errors: CCB_ERR_IO, of any line as well.  Accepts NULL (true). */
bool ccb_boot_log_close(CcbBootLog *log, GError **error);
