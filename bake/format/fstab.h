/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/fstab, fstab(5): read only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *spec; /* UUID=..., /dev/..., a network path */
    char *target;
    char *type;
    char *options; /* "defaults" where the field is missing */
    guint line;
} CcbFstabEntry;

/* The entries in the order of the file, as CcbFstabEntry, with octal escapes (\040) resolved;
 * caller unrefs. Errors: CCB_ERR_INPUT with the line number, for fewer than three fields, more than
 * six, or a NUL byte. */
GPtrArray *ccb_fstab_parse(const char *data, size_t size, GError **error);

/* The last entry that mounts on `target`, or NULL; belongs to `entries`. */
const CcbFstabEntry *ccb_fstab_find(const GPtrArray *entries, const char *target);

/* Whether `option` is in the comma-separated options; "x" finds x and x=value. */
bool ccb_fstab_has_option(const CcbFstabEntry *entry, const char *option);
