/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of shell assignments: /etc/default/grub, /etc/os-release (os-release(5)), files of /etc/sysconfig.  KEY=word,
 * KEY+=word, optionally behind "export", the word quoted as in sh(1); all other lines are kept as they are and have no
 * meaning here.  Nothing is expanded: what the shell would expand ($x, `x`) is returned as it is written, and
 * ccb_shellvars_is_literal() tells whether there is any.
 *
 *     g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(data, size, error);
 *     g_autofree char *line = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX");
 *     ccb_shellvars_set(vars, "GRUB_CMDLINE_LINUX", edited, error);
 *     g_autofree char *text = ccb_shellvars_render(vars);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct CcbShellvars CcbShellvars;

/* Errors: CCB_ERR_INPUT with the line number, for a quote that is not closed, a second word behind
 * a value, or a NUL byte. */
CcbShellvars *ccb_shellvars_parse(const char *data, size_t size, GError **error);
void ccb_shellvars_free(CcbShellvars *vars); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbShellvars, ccb_shellvars_free)

/* The value a variable has at the end of the file, unquoted, or NULL; caller frees.  Where KEY="$KEY more" adds to what
 * stands above it, that is followed. */
char *ccb_shellvars_get(const CcbShellvars *vars, const char *key);

/* Whether the value has nothing in it that the shell would expand, so that it may be edited and set
 * again.  True where there is no value. */
bool ccb_shellvars_is_literal(const CcbShellvars *vars, const char *key);

/* Gives `key` the value: the last KEY= is rewritten in place (quoted where it was, or where it has
 * to be), KEY+= behind it go; appended, as a line of its own, where there is none.  Errors: CCB_ERR_INPUT for a key that
 * is no shell name or a line break in the value. */
bool ccb_shellvars_set(CcbShellvars *vars, const char *key, const char *value, GError **error);

/* Adds words behind the value that the shell gives `key`, whatever that is: a line KEY="${KEY} WORDS" at the end.  Errors:
 * as above. */
bool ccb_shellvars_append(CcbShellvars *vars, const char *key, const char *words, GError **error);

/* The text of the file; caller frees. */
char *ccb_shellvars_render(const CcbShellvars *vars);
