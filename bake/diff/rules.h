/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of path of an image a comparison has.  Paths are relative to the root: "etc/fstab". */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/guest.h"

typedef enum {
    CCB_PATH_OTHER,         /* counted by directory */
    CCB_PATH_CONFIGURATION, /* compared line by line */
    CCB_PATH_VOLATILE,      /* changes by itself: logs, caches, the package database's bytes */
} CcbPathKind;

CcbPathKind ccb_path_kind(const char *path);

/* Bytes; larger files are not shown as lines. */
enum { CCB_DIFF_TEXT_MAX = 256 << 10 };

/* Whether the content may be shown: what not everybody may read (/etc/shadow, private keys) must not get into a report. */
bool ccb_path_may_show(const CcbGuestEntry *entry);

/* KVER/name.ko for a kernel module of the directories that drivers are installed to, else NULL;
 * points into `path`. */
const char *ccb_path_module(const char *path);

/* What a path below a directory of systemd units is: "unit", "alias", "masked", "enabled" (a link
 * in a .wants, .requires or .upholds directory) or "drop-in", and the unit that it is about (caller
 * frees); NULL for anything else. */
const char *ccb_path_unit(const CcbGuestEntry *entry, char **ret_unit);

/* The directory that an entry is counted under, of at most three names; caller frees. */
char *ccb_path_directory(const char *path);
