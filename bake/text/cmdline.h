/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel command line as a list of arguments, split as the kernel does (lib/cmdline.c, next_arg):
 * at white space outside double quotes.  Names are compared as the kernel compares them, '-' and
 * '_' being the same.  What stands behind "--" is for init: it is kept and never searched.
 *
 *     g_autoptr(CcbCmdline) line = ccb_cmdline_parse(options, error);
 *     ccb_cmdline_set(line, "swiotlb=4194304,any", error);
 *     g_autofree char *text = ccb_cmdline_render(line);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CcbCmdline CcbCmdline;

/* Errors: CCB_ERR_INPUT for a quote that is not closed. */
CcbCmdline *ccb_cmdline_parse(const char *text, GError **error);
void ccb_cmdline_free(CcbCmdline *line); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCmdline, ccb_cmdline_free)

/* The value of the last argument KEY=VALUE without its quotes, "" for a KEY without value, NULL
 * where there is none; caller frees. */
char *ccb_cmdline_get(const CcbCmdline *line, const char *key);

/* The values of all arguments KEY=VALUE, without their quotes, in their order; caller frees. */
char **ccb_cmdline_values(const CcbCmdline *line, const char *key);

/* Whether `argument` is there: exactly, if it has a value, else with any value or none. */
bool ccb_cmdline_has(const CcbCmdline *line, const char *argument);

/* How many arguments have this key. */
guint ccb_cmdline_count(const CcbCmdline *line, const char *key);

/* What `grubby --args=ARGUMENT` is for: KEY or KEY=VALUE takes the place of the first argument with
 * that key and further ones go; appended where there is none.  Keys that the kernel and dracut read
 * several times (console, ip, rd.lvm.lv ...) are appended unless exactly this argument is there.
 * Errors: CCB_ERR_INPUT if it is not exactly one argument. */
bool ccb_cmdline_set(CcbCmdline *line, const char *argument, GError **error);

/* Whether it is a key of which several values count, so that setting one leaves the others. */
bool ccb_cmdline_is_list(const char *key);

/* Removes what ccb_cmdline_has() finds; returns how many that were. */
guint ccb_cmdline_remove(CcbCmdline *line, const char *argument);

/* All arguments (const char *) as they are written, also those for init; the caller unrefs the array, the strings
 * belong to `line`. */
GPtrArray *ccb_cmdline_arguments(const CcbCmdline *line);

/* The arguments with one space between them; caller frees. */
char *ccb_cmdline_render(const CcbCmdline *line);

/* Arguments that take back or repeat one another: one key several times where the kernel keeps the last value (module
 * parameters and most others), and "ro" beside "rw".  "a=1 and a=2, quiet twice, ro and rw", or NULL where there are
 * none; caller frees. */
char *ccb_cmdline_conflicts(const CcbCmdline *line);
