/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GRUB environment block, /boot/grub2/grubenv (grub-core/lib/envblk.c): exactly 1024 bytes,
 * because GRUB writes it back in place by block list; the header line, "name=value" lines, '#' to
 * the end.  In a value a backslash and a line break are written with a backslash before them.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define CCB_GRUBENV_SIZE 1024 /* bytes, DEFAULT_ENVBLK_SIZE of grub-editenv */

typedef struct CcbGrubenv CcbGrubenv;

/* A block without variables. */
CcbGrubenv *ccb_grubenv_new(void);

/* Errors: CCB_ERR_INPUT for another size, another header, a line that is no assignment, bytes
 * behind the last line that are no padding. */
CcbGrubenv *ccb_grubenv_parse(const void *data, size_t size, GError **error);
void ccb_grubenv_free(CcbGrubenv *env); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbGrubenv, ccb_grubenv_free)

/* The value of a variable, or NULL; caller frees. */
char *ccb_grubenv_get(const CcbGrubenv *env, const char *name);

/* The names of its variables, in their order; caller frees. */
char **ccb_grubenv_names(const CcbGrubenv *env);

/* Sets a variable; NULL unsets it.  Errors: CCB_ERR_INPUT for a name that GRUB can't read back or
 * when the block would not hold it; the block is unchanged then. */
bool ccb_grubenv_set(CcbGrubenv *env, const char *name, const char *value, GError **error);

/* CCB_GRUBENV_SIZE bytes (and a NUL behind them); caller frees. */
char *ccb_grubenv_render(const CcbGrubenv *env);

/* The name of the variable behind a '$' at `text`, with or without braces, and *ret_end behind it; NULL: no variable.
 * Caller frees. */
char *ccb_grub_variable(const char *text, const char **ret_end);

/* Whether the variable is among the options of a boot entry (NULL: none). */
bool ccb_grub_uses(const char *options, const char *name);
