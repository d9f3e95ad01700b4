/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTML that is also well-formed XML.  What goes through a %s was chosen by a guest, a recipe or a
 * vendor as a rule, so all of it is made printable and escaped; markup stands in formats only.
 */
#pragma once

#include <glib.h>

/* Appends `format`, in which %s, %u and %% are all that there is: any %s may hold anything, and NULL
 * is nothing.  Good for content and for attributes in double quotes. */
void ccb_html(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* One string, as by %s; of `length` bytes, in which line ends and tabs stay. */
void ccb_html_text(GString *out, const char *text);
void ccb_html_lines(GString *out, const char *text, size_t length);
