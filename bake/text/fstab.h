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

/* How a device is named, in fstab and in root= alike. */
typedef enum {
    CCB_SPEC_UUID,      /* of the file system */
    CCB_SPEC_LABEL,     /* likewise */
    CCB_SPEC_PARTUUID,  /* of the entry in the partition table */
    CCB_SPEC_PARTLABEL, /* likewise */
    CCB_SPEC_DEVICE,    /* /dev/..., whatever disk that is */
    CCB_SPEC_OTHER,     /* tmpfs, proc, a network path, a file */
} CcbSpecKind;

/* As a tag (UUID=...) or as a link of udev's (/dev/disk/by-uuid/...).  *ret_value is what stands
 * behind it, without quotes; NULL where the kind is OTHER.  Caller frees. */
CcbSpecKind ccb_fstab_classify(const char *spec, char **ret_value);

/* The entries in the order of the file, as CcbFstabEntry, with octal escapes (\040) resolved;
 * caller unrefs. Errors: CCB_ERR_INPUT with the line number, for fewer than three fields, more than
 * six, or a NUL byte. */
GPtrArray *ccb_fstab_parse(const char *data, size_t size, GError **error);

/* The last entry that mounts on `target`, or NULL; belongs to `entries`. */
const CcbFstabEntry *ccb_fstab_find(const GPtrArray *entries, const char *target);

/* Whether `option` is in the comma-separated options; "x" finds x and x=value. */
bool ccb_fstab_has_option(const CcbFstabEntry *entry, const char *option);
