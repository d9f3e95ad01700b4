/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTML that is also well-formed XML.  The argument of a %s often comes from a guest, a recipe or a
 * vendor, so each is made printable and escaped; markup stands in formats only.
 */
#pragma once

#include <glib.h>

/* Appends `format`, which may have %s, %u and %%.  A %s may hold anything; NULL is as "".  Good for
 * content and for attributes in double quotes. */
void ccb_html(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* As by %s, `length` bytes in which line ends and tabs stay. */
void ccb_html_lines(GString *out, const char *text, size_t length);

/* Begins a table up to its body; the columns end with NULL, and "#Size" is a column of numbers. */
void ccb_html_table(GString *out, const char *class, const char *caption,
                    ...) G_GNUC_NULL_TERMINATED;
void ccb_html_table_end(GString *out);
