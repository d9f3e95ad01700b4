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

/* What the image of the recipe should be, with the "name=value" of --set (may be NULL). */
bool ccb_load_expectation(const char *recipe_path, GPtrArray *settings, CcbExpectation *ret,
                          GError **error);

/* What a recipe describes: the cells of its matrix, or itself where it has none.  Settings of char **, "name=value",
 * empty for the recipe itself; caller unrefs.  Every cell was loaded once: errors are found before any is worked on. */
GPtrArray *ccb_load_cells(const char *recipe_path, const CcbLoadOptions *options, GError **error);

/* The --set that gives a variable of the matrix a value, or NULL. */
const char *ccb_matrix_setting(const CcbLoadOptions *options, const GPtrArray *cells);

/* ccb_load() of one of them; errors say which. */
bool ccb_load_cell(const char *recipe_path, const CcbLoadOptions *options, char *const *cell,
                   CcbLoaded *ret, GError **error);

/* "driver=570.148.08 cuda=12.8.1"; empty for the recipe itself.  Caller frees. */
char *ccb_cell_label(char *const *cell);

void ccb_loaded_clear(CcbLoaded *loaded);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbLoaded, ccb_loaded_clear)
