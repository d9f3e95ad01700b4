/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `steps` of a recipe, and what a recipe that extends another one makes of the other's: a list is the whole new order,
 * in which a bare word stands for the other's step of that id; a map (ccb_steps_fields) changes the other's list.
 */
#pragma once

#include "recipe/node.h"
#include "recipe/schema.h"

/* The kind of a step, which is the one key of its map, and the settings under it; a bare word is a kind without settings
 * (NULL).  Errors: CCB_ERR_RECIPE for anything else. */
bool ccb_step_split(const CcbNode *step, const CcbNode **ret_kind, const CcbNode **ret_settings,
                    GError **error);

/* The id of a step: its `id` key, or the kind. */
const char *ccb_step_id(const CcbNode *kind, const CcbNode *settings);

/* "- remove: [/a, /b]" is short for "- remove: {paths: [/a, /b]}"; `setting`: "paths", or NULL for a kind that has no
 * such form.  The map that the settings are short for, also where a recipe that extends another has added to a list; NULL:
 * they are long already.  Caller frees. */
CcbNode *ccb_step_long_form(const CcbNode *settings, const char *setting);

/* Of the map. */
extern const CcbField ccb_steps_fields[];

/* The steps of a recipe that extends the one with the list `other`.  `own` is a list or a map; `key` is the word "steps"
 * before it, and the place of the new list.  Errors: CCB_ERR_RECIPE. */
CcbNode *ccb_steps_merge(const CcbNode *other, const CcbNode *key, const CcbNode *own,
                         GError **error);
