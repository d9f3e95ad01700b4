/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recipe: what the user wants, with `extends` merged, variables replaced and every key checked.
 * What a step may say is known to its kind (plan/kind.h); the recipe keeps its settings as a node.
 * ccbake-recipe(5) is the reference.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "recipe/node.h"
#include "recipe/schema.h"

#define CCB_RECIPE_FORMAT 1 /* of the `format` key; a newer one is refused */

typedef struct {
    char *name;          /* its key under `payloads` */
    char **urls;         /* url and mirrors, or one absolute local path */
    char *referer;       /* or NULL */
    char *sha256;        /* or NULL: the lock has it */
    uint64_t size;       /* bytes, or 0 */
    const CcbNode *node; /* where the recipe says it; NULL for --base */
} CcbRecipePayload;

typedef struct {
    const char *kind;        /* "nvidia-driver" */
    const char *id;          /* unique; the kind where the recipe gives none */
    const CcbNode *node;     /* its settings: a map, or null */
    const CcbNode *position; /* where its kind stands */
    const CcbNode *place;    /* where it stands in the list of steps, for errors about the order; in
                              * a recipe that extends another one a bare word, perhaps */
} CcbRecipeStep;

typedef struct {
    const char *check;   /* its id; ccb_check_waivers() knows whether there is one */
    const char *reason;  /* never empty */
    const CcbNode *node; /* the id, for errors */
} CcbRecipeWaiver;

typedef struct {
    char *path; /* as given */
    char *name;
    unsigned gpus; /* 1 or 8 */
    CcbRecipePayload *base;
    char *base_os, *base_version; /* ID and VERSION_ID of os-release */
    char *min_kernel;
    GPtrArray *payloads; /* CcbRecipePayload */
    GPtrArray *steps;    /* CcbRecipeStep */
    GPtrArray
        *cells; /* of the matrix: char **, "name=value" in the matrix's order; empty without one */
    GPtrArray *waivers; /* CcbRecipeWaiver; no check twice */
    char *output_name;
    char **formats;
    bool compress;
    CcbNode *root; /* the whole, merged and expanded */
} CcbRecipe;

typedef struct {
    const char *const *settings; /* "name=value" of --set; NULL-terminated, or NULL */
    const char *base;            /* --base FILE, or NULL */
} CcbRecipeOptions;

/* Errors: CCB_ERR_RECIPE with file:line:column and, where there is one, a suggestion. */
CcbRecipe *ccb_recipe_load(const char *path, const CcbRecipeOptions *options, GError **error);
void ccb_recipe_free(CcbRecipe *recipe); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbRecipe, ccb_recipe_free)

const CcbRecipePayload *ccb_recipe_payload(const CcbRecipe *recipe, const char *name);

/* The waiver of that check, or NULL. */
const CcbRecipeWaiver *ccb_recipe_waiver(const CcbRecipe *recipe, const char *check);

/* sha256 of what the recipe says, in canonical form: not of its comments, order of keys or files.
 * Caller frees. */
char *ccb_recipe_digest(const CcbRecipe *recipe);

/* The variables with their values. */
const CcbNode *ccb_recipe_variables(const CcbRecipe *recipe);

extern const CcbField ccb_recipe_fields[]; /* of the top level */
