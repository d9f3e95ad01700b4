/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that comes in pieces, as from a pipe or a console, as lines. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

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

/* Reads what is there now, within bounds, so that clocks and signals are looked at however much comes.  Whether
 * there is more to come: false at the end of the file. */
bool ccb_lines_read(CcbLines *lines, int fd);
