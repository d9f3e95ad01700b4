/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes and owners of files of the image, and names of its units, as a recipe writes them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "recipe/node.h"

/* An octal mode of permission bits: "0640". */
bool ccb_mode_parse(const char *text, mode_t *ret_mode);

/* UID:GID as numbers, in which "root" stands for 0; "root" alone is both.  Other names are the image's own, which nobody knows before the bake. */
bool ccb_owner_parse(const char *text, uid_t *ret_uid, gid_t *ret_gid);

/* The keys `mode` and `owner` of a map, where it has them.  Errors: CCB_ERR_RECIPE with a position. */
bool ccb_attributes_check(const CcbNode *map, GError **error);

/* Whether `name`, which stands at `node` under `key`, is the name of a unit with its type: systemctl would add ".service", and
 * here it is a slip.  Errors: CCB_ERR_RECIPE with a position. */
bool ccb_check_unit_name(const CcbNode *node, const char *key, const char *name, GError **error);
