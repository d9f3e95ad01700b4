/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: its colours, and the width of its lines. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The codes of ECMA-48 for the foreground. */
typedef enum { CCB_RED = 31, CCB_GREEN = 32, CCB_YELLOW = 33 } CcbColor;

/* Of --color, which every verb has: "auto", "always" or "never". */
extern const char *ccb_color_when;

/* Whether text for this descriptor is coloured.  With "auto": not with NO_COLOR (no-color.org), else with CLICOLOR_FORCE
 * (bixense.com/clicolors), else on a terminal that is not "dumb". */
bool ccb_color_wanted(int fd);

/* A copy of the text in this colour, or as it is where `wanted` is false; caller frees. */
char *ccb_colored(const char *text, CcbColor color, bool wanted);

/* Columns of the terminal behind a descriptor, or what $COLUMNS says of it; 0: it is no terminal. */
unsigned ccb_terminal_width(int fd);

/* The same, or 80 where the descriptor is no terminal. */
unsigned ccb_terminal_columns(int fd);

/* Appends the words of `text`, and a line end.  The first word goes to the column `indent`, counted from 0: behind what
 * the last line of `out` has, or, where that is too long for it, to a line of its own.  Lines that would be wider than
 * `columns` are broken, and continued at `indent`. */
void ccb_append_wrapped(GString *out, const char *text, unsigned indent, unsigned columns);

/* The text with its lines broken at blanks, so that none is wider than `columns` if its words allow that; what follows is
 * indented as the line is, and four more.  0: as it is.  Caller frees. */
char *ccb_wrap_lines(const char *text, unsigned columns);
