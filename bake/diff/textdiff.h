/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The difference of two texts as a unified diff has it (POSIX diff -u), without the two lines that
 * name the files: hunks with three lines of context.  By Myers' algorithm ("An O(ND) Difference
 * Algorithm", 1986), so the shortest there is.  A line with a secret (base/leak.h) is not shown: another
 * text stands in its place.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Beyond these a reader is not helped, and a hostile text would cost too much. */
enum { CCB_TEXTDIFF_LINES = 20000, CCB_TEXTDIFF_EDITS = 2000 };

/* The hunks, "" for equal texts; caller frees.  NULL where the texts have too many lines, or too
 * much differs: all that can be said then is that they do.  Bytes are taken as they are, NUL among
 * them. */
char *ccb_textdiff(const char *a, size_t a_size, const char *b, size_t b_size);

/* Whether it may be shown as lines: UTF-8 without NUL. */
bool ccb_textdiff_is_text(const char *data, size_t size);
