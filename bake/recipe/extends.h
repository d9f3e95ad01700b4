/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `extends: other.yaml`: the other recipe with this one laid over it.  Entries of variables,
 * payloads and matrix replace entries of the same name as a whole; a list of steps is the whole
 * order, in which a bare word stands for the other recipe's step of that id; every other key
 * replaces the other's.
 */
#pragma once

#include "recipe/node.h"

/* Loads a recipe file and all that it extends, merged. */
CcbNode *ccb_extends_load(const char *path, GError **error);

/* The one key of a step's map, its kind; errors where it is not such a map. */
bool ccb_step_split(const CcbNode *step, const CcbNode **ret_kind, const CcbNode **ret_settings,
                    GError **error);

/* The id of a step: its `id` key, or the kind. */
const char *ccb_step_id(const CcbNode *kind, const CcbNode *settings);
