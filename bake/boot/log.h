/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a boot's console: "%10.3f TEXT" a line, the seconds from QEMU's start to the end of the line, and the line
 * without escape sequences and what a carriage return has overwritten.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Text that comes in pieces, as lines. */
typedef struct {
    GString *partial; /* the line that is not complete yet */
    void (*take)(const char *line, void *data);
    void *data;
} CcbLines;

void ccb_lines_init(CcbLines *lines, void (*take)(const char *line, void *data), void *data);
void ccb_lines_clear(CcbLines *lines);
void ccb_lines_add(CcbLines *lines, const char *text, size_t size);
/* Takes what there is of a line as one. */
void ccb_lines_flush(CcbLines *lines);

/* Reads what is there now, within bounds, so that clocks and signals are looked at however much a guest says.  Whether
 * there is more to come: false at the end of the file. */
bool ccb_lines_read(CcbLines *lines, int fd);

typedef struct CcbBootLog CcbBootLog;
/* Replaces the file.  Errors: CCB_ERR_IO. */
CcbBootLog *ccb_boot_log_open(const char *path, GError **error);
void ccb_boot_log_line(CcbBootLog *log, const char *line);
/* Errors: CCB_ERR_IO, of any line as well.  Accepts NULL (true). */
bool ccb_boot_log_close(CcbBootLog *log, GError **error);
