/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that take a recipe begin with. */
#pragma once

#include "plan/plan.h"

typedef struct {
    GPtrArray *settings; /* of --set */
    const char *base;    /* of --base */
    const char *lock;    /* of --lock */
} CcbLoadOptions;

/* Rows for a verb's option table; `o` is its static CcbLoadOptions. */
#define CCB_LOAD_OPTIONS(o)                                                                        \
    {"set", 's', CCB_OPT_LIST, &(o).settings, "NAME=VALUE", "give a variable another value"},      \
        {"base", 'b', CCB_OPT_STRING, &(o).base, "FILE", "take this base image instead"},          \
    {                                                                                              \
        "lock", 'l', CCB_OPT_STRING, &(o).lock, "FILE", "lock file; default: RECIPE.lock.json"     \
    }

typedef struct {
    CcbRecipe *recipe;
    char *lock_path;
    CcbLock *lock;
    CcbPlan *plan;
} CcbLoaded;

/* Recipe, lock and plan of them. */
bool ccb_load(const char *recipe_path, const CcbLoadOptions *options, CcbLoaded *ret,
              GError **error);
void ccb_loaded_clear(CcbLoaded *loaded);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbLoaded, ccb_loaded_clear)
