/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /boot/grub2/grub.cfg as el8's grub2-mkconfig writes it: the fallback for a grubenv without
 * kernelopts,
 *
 *     set kernelopts="root=... "              10_linux of el8
 *     set default_kernelopts="root=... "      the newer spelling
 *
 * and the command blscfg, without which boot entries are not read at all.  Nothing else is
 * understood, and nothing else changes.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The value of the first fallback, unquoted and without white space at its end.  *ret_value is NULL
 * where there is none; caller frees.  Errors: CCB_ERR_INPUT with the line number, for a quote not
 * closed on its line or a NUL byte. */
bool ccb_grubcfg_get_kernelopts(const char *data, size_t size, char **ret_value, GError **error);

/* The text with the value of every fallback replaced, identical where there is none; caller frees.
 * *ret_count (NULL if not wanted) is how many there are.  Errors: as above, and a line break in
 * `value`. */
char *ccb_grubcfg_set_kernelopts(const char *data, size_t size, const char *value, guint *ret_count,
                                 GError **error);

/* Whether a command of the script is blscfg ("insmod blscfg" alone only loads the module). */
bool ccb_grubcfg_calls_blscfg(const char *data, size_t size);
