/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ccbake lock` changed in a lock, or would. */
#pragma once

#include "plan/lock.h"

/* Compares two states of a lock.  `used`: the keys of what the recipe uses, each with what it is called.  New reference:
 * "changes", a list of {change: added|changed|removed, what: file|step, name, key}, files with "old" and "new"
 * {sha256, size}, steps with "files", a list of {change, name, old, new} with versions; the numbers "unchanged" and
 * "unused" of entries in `after`. */
json_t *ccb_lock_compare(const CcbLock *before, const CcbLock *after, GHashTable *used);

/* The changes for people, a line for each; caller frees. */
char *ccb_lock_changes_to_text(const json_t *comparison);
