/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot Loader Specification entries as el8's GRUB reads them (grub-core/commands/blscfg.c): "key value" lines in
 * /boot/loader/entries/ID.conf.  A key may be there several times (options, initrd); '#' lines and lines without a value
 * are ignored by GRUB and kept here, byte for byte.
 *
 *     g_autoptr(CcbBls) entry = ccb_bls_parse(data, size, error);
 *     g_autofree char *options = ccb_bls_get_joined(entry, "options");
 *     ccb_bls_set(entry, "options", edited, error);
 *     g_autofree char *text = ccb_bls_render(entry);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct CcbBls CcbBls;

/* Errors: CCB_ERR_INPUT (a NUL byte, too large). */
CcbBls *ccb_bls_parse(const char *data, size_t size, GError **error);
void ccb_bls_free(CcbBls *entry); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbBls, ccb_bls_free)

/* The first value of `key`, without the white space around it, or NULL; caller frees. */
char *ccb_bls_get(const CcbBls *entry, const char *key);

/* All values of `key` with one space between them, as GRUB does for options and initrd; NULL if
 * there is none.  Caller frees. */
char *ccb_bls_get_joined(const CcbBls *entry, const char *key);

/* Gives `key` one value, in the place of the first line with that key, or at the end; further lines
 * with that key go.  An empty value removes the key.  Errors: CCB_ERR_INPUT for white space in the
 * key or a line break in the value. */
bool ccb_bls_set(CcbBls *entry, const char *key, const char *value, GError **error);

/* The text of the file; caller frees. */
char *ccb_bls_render(const CcbBls *entry);

/* The id GRUB knows the entry by (saved_entry=): the file name without ".conf"; NULL if it has not
 * that suffix.  Caller frees. */
char *ccb_bls_id(const char *path);
