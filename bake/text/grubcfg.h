/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel arguments in /boot/grub2/grub.cfg: the fallback for a grubenv without kernelopts, the value for boot entries
 * without options, and the menu entries that stand in the file itself,
 *
 *     set kernelopts="root=... "              10_linux of el8
 *     set default_kernelopts="root=... "
 *     linux /boot/vmlinuz-... root=... ro
 *
 * Nothing else changes.  What the script starts: text/grubscript.h.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The value of the first of both variables, without white space at its end, a variable in it as ${NAME}.  *ret_value is
 * NULL where there is none; caller frees.  Errors: CCB_ERR_INPUT with the line number, for what GRUB can't read. */
bool ccb_grubcfg_get_kernelopts(const char *data, size_t size, char **ret_value, GError **error);

/* Turns arguments into their new text, which the caller frees; NULL on error. */
typedef char *(*CcbGrubcfgEdit)(const void *user, const char *arguments, GError **error);

/* The text with the arguments in each of these places edited, identical where there is none; caller frees.  Errors: as
 * above, and CCB_ERR_INPUT for arguments that are quoted so that they can't be edited. */
char *ccb_grubcfg_edit(const char *data, size_t size, CcbGrubcfgEdit edit, const void *user,
                       GError **error);
