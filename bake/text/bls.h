/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot Loader Specification entries as el8's GRUB reads them (grub-core/commands/blscfg.c): "key value" lines in
 * /boot/loader/entries/ID.conf.  The key ends at the first space of the line, at a tab only where the line has no space;
 * '#' lines are ignored; the first line without a value, which an empty line is, ends the reading.  Of a key that is
 * there several times the first value counts, of initrd all.  The text is kept byte for byte.
 *
 *     g_autoptr(CcbBls) entry = ccb_bls_parse(data, size, error);
 *     g_autofree char *options = ccb_bls_get(entry, "options");
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

/* All values of `key` (char *), in their order; caller unrefs. */
GPtrArray *ccb_bls_values(const CcbBls *entry, const char *key);

/* The number of a line that looks as if it gave `key` a value, and that GRUB does not read so: it is behind a line
 * without a value, or parts key and value by a tab.  0: there is none before the value that counts. */
guint ccb_bls_unread_line(const CcbBls *entry, const char *key);

/* Gives `key` one value, in the place of the first line with that key, or behind the last line that GRUB reads; further
 * lines with that key go.  An empty value removes the key.  Errors: CCB_ERR_INPUT for white space in the key or a line
 * break in the value. */
bool ccb_bls_set(CcbBls *entry, const char *key, const char *value, GError **error);

/* The text of the file; caller frees. */
char *ccb_bls_render(const CcbBls *entry);

/* The id GRUB knows the entry by (saved_entry=): the file name without ".conf"; NULL for a file that GRUB does not look
 * at: another suffix, or a hidden one.  Caller frees. */
char *ccb_bls_id(const char *path);

/* The order of two ids, as strcmp(): the menu shows the highest first.  Ids are compared as names of packages,
 * NAME-VERSION-RELEASE, so the machine id goes before the version; where all three are alike GRUB shows one of them. */
int ccb_bls_compare(const char *a, const char *b);
