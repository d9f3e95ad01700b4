/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock file RECIPE.lock.json: url, size and sha256 of what the recipe does not pin itself, and
 * the files that package steps resolved to.  Entries are found by what they answer (an URL; a
 * step's settings on a base), so a recipe that changed finds no entry instead of a wrong one, and
 * one lock serves every cell of a matrix.
 */
#pragma once

#include "plan/kind.h"

typedef struct CcbLock CcbLock;

CcbLock *ccb_lock_new(void);
CcbLock *ccb_lock_ref(CcbLock *lock); /* the same lock: what is set in one is set in both */
void ccb_lock_free(CcbLock *lock);    /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbLock, ccb_lock_free)

/* The default path for a recipe: its name with .lock.json in place of .yaml or .yml; for ccbake:NAME, NAME.lock.json in the
 * current directory.  Caller frees. */
char *ccb_lock_path(const char *recipe_path);

/* Refuses X.yml beside X.yaml: both would have that path.  Errors: CCB_ERR_RECIPE. */
bool ccb_lock_check_path(const char *recipe_path, GError **error);

/* A missing file is an empty lock.  Errors: CCB_ERR_RECIPE. */
CcbLock *ccb_lock_load(const char *path, GError **error);
bool ccb_lock_save(const CcbLock *lock, const char *path, GError **error);

/* All of it; belongs to the lock. */
const json_t *ccb_lock_json(const CcbLock *lock);

/* Removes the entries whose keys are not in `used`. */
void ccb_lock_prune(CcbLock *lock, GHashTable *used);

/* Fills sha256 and size of a file that has none; what the lock does not know is left as it is. */
void ccb_lock_pin(const CcbLock *lock, const char *key, char **sha256, uint64_t *size);
void ccb_lock_set_file(CcbLock *lock, const char *key, const char *sha256, uint64_t size);

/* The payloads a step was resolved to (CcbPayload; caller unrefs), or NULL where the lock does not
 * know. */
GPtrArray *ccb_lock_resolved(const CcbLock *lock, const char *key);
void ccb_lock_set_resolved(CcbLock *lock, const char *key, const char *step_id,
                           const GPtrArray *payloads);

/* The key of a resolved step: digest of the kind, its settings and the base.  Caller frees. */
char *ccb_lock_step_key(const char *base_sha256, const CcbStep *step);

/* The key of a recipe's payload: its path as the recipe writes it, or its URL without secrets, which would not belong into
 * a file under version control.  Caller frees. */
char *ccb_lock_file_key(const CcbRecipePayload *payload);
