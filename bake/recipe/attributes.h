/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mode and owner of a file of the image, as a recipe writes them. */
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
