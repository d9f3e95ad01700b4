/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `extends: other.yaml`: the other recipe with this one laid over it.  Entries of variables, payloads and matrix replace
 * entries of the same name as a whole.  A list of steps is the whole order; a bare word in it stands for the other
 * recipe's step of that id.  A check replaces the check of the same name, or is added.  Every other key replaces the
 * other recipe's.
 */
#pragma once

#include "recipe/node.h"

/* Loads a recipe file and all that it extends, merged.  Errors: CCB_ERR_RECIPE with file:line:column. */
CcbNode *ccb_extends_load(const char *path, GError **error);

/* The kind of a step, which is the one key of its map, and the settings under it; a bare word is a kind without settings
 * (NULL).  Errors: CCB_ERR_RECIPE for anything else. */
bool ccb_step_split(const CcbNode *step, const CcbNode **ret_kind, const CcbNode **ret_settings,
                    GError **error);

/* The id of a step: its `id` key, or the kind. */
const char *ccb_step_id(const CcbNode *kind, const CcbNode *settings);
