/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads recipe, lock and plan, for the verbs that take a recipe. */
#pragma once

#include "plan/plan.h"

typedef struct {
    GPtrArray *settings; /* of --set */
    const char *base;    /* of --base */
    const char *lock;    /* of --lock */
    CcbLock *with_lock;  /* taken instead of what the file has; NULL: none */
} CcbLoadOptions;

/* Rows for a verb's option table; `o` is its static CcbLoadOptions. */
/* clang-format off */
#define CCB_LOAD_OPTIONS(o)                                                                        \
    {"set", 's', CCB_OPT_LIST, &(o).settings, "NAME=VALUE", "give a variable another value"},      \
    {"base", 'b', CCB_OPT_STRING, &(o).base, "FILE", "take this base image instead"},              \
    {"lock", 'l', CCB_OPT_STRING, &(o).lock, "FILE", "lock file; default: RECIPE.lock.json"}
/* clang-format on */

typedef struct {
    CcbRecipe *recipe;
    char *lock_path;
    CcbLock *lock;
    CcbPlan *plan;
} CcbLoaded;

/* Errors: CCB_ERR_RECIPE, CCB_ERR_USAGE, CCB_ERR_IO. */
bool ccb_load(const char *recipe_path, const CcbLoadOptions *options, CcbLoaded *ret,
              GError **error);

/* What the image of the recipe should be, with the "name=value" of --set (may be NULL). */
bool ccb_load_expectation(const char *recipe_path, GPtrArray *settings, CcbExpectation *ret,
                          GError **error);

/* The entries of the recipe's matrix: char **, settings as "name=value".  A recipe without a matrix has
 * one entry, which is empty.  Each entry was loaded once, so that errors are found before any is worked
 * on.  Caller unrefs the array. */
GPtrArray *ccb_load_matrix(const char *recipe_path, const CcbLoadOptions *options, GError **error);

/* The --set that gives a variable of the matrix a value, or NULL. */
const char *ccb_matrix_setting(const CcbLoadOptions *options, const GPtrArray *entries);

/* ccb_load() with the settings of one entry; errors say which. */
bool ccb_load_entry(const char *recipe_path, const CcbLoadOptions *options, char *const *entry,
                    CcbLoaded *ret, GError **error);

/* "driver=570.148.08 cuda=12.8.1"; empty for a recipe without a matrix.  Caller frees. */
char *ccb_matrix_label(char *const *entry);

void ccb_loaded_clear(CcbLoaded *loaded);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbLoaded, ccb_loaded_clear)
