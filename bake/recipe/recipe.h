/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recipe: what the user wants, with `extends` merged, variables replaced and every key checked against ccb_recipe_fields.
 * The settings of a step stay a node; its kind reads them (plan/kind.h).  ccbake-recipe(5) is the reference.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "recipe/node.h"
#include "recipe/own-check.h"
#include "recipe/schema.h"

#define CCB_RECIPE_FORMAT 1 /* of the `format` key; a newer one is refused */

typedef struct {
    char *name;          /* its key under `payloads` */
    char **urls;         /* url and mirrors, or one absolute local path */
    const char *referer; /* or NULL */
    char *header_file;   /* absolute path, or NULL */
    char **keys;         /* files with public keys, absolute paths; empty: none; NULL for --base */
    const char *sha256;  /* or NULL: the lock has it */
    uint64_t size;       /* bytes, or 0 */
    uint64_t max_size;   /* bytes, or 0 */
    const CcbNode *node; /* where the recipe says it; NULL for --base */
} CcbRecipePayload;

typedef struct {
    const char *kind;        /* "nvidia-driver" */
    const char *id;          /* unique; the kind where the recipe gives none */
    const CcbNode *node;     /* its settings: a map, or null */
    const CcbNode *position; /* where its kind stands */
    /* Where it stands in the list of steps, for errors about the order.  In a recipe that extends another one this may
     * be just the id of the other recipe's step. */
    const CcbNode *place;
} CcbRecipeStep;

typedef struct {
    const char *check;   /* its id; check/waivers.h checks that there is such a check */
    const char *reason;  /* never empty */
    const CcbNode *node; /* the id, for errors */
} CcbRecipeWaiver;

/* Strings are those of `root`, if nothing else is said. */
typedef struct {
    char *path; /* as given; owned */
    const char *name;
    unsigned gpus; /* 1 or 8 */
    CcbRecipePayload *base;
    const char *base_os, *base_version; /* ID and VERSION_ID of os-release */
    const char *min_kernel;
    uint64_t grow;       /* bytes that the disk is to have, or 0: as the base's */
    GPtrArray *payloads; /* CcbRecipePayload */
    GPtrArray *steps;    /* CcbRecipeStep */
    GPtrArray
        *cells; /* matrix entries: char **, "name=value" in the matrix's order; empty without one */
    GPtrArray *waivers; /* CcbRecipeWaiver; no check twice */
    GPtrArray *checks;  /* CcbOwnCheck; no id twice */
    const char *output_name;
    char **formats;
    bool compress;
    /* Names of variables, char *: that something uses; that files with `template` use, which are read later. */
    GHashTable *used, *in_templates;
    CcbNode
        *root; /* the whole recipe, merged and expanded; its file is that of the recipe itself */
    CcbNode
        *source; /* the same before variables were replaced, with the values that they were given */
} CcbRecipe;

typedef struct {
    const char *const *settings; /* "name=value" of --set; NULL-terminated, or NULL */
    const char *const *entry;    /* the same of an entry of the matrix (CcbRecipe.cells) */
    const char *base;            /* --base FILE, or NULL */
} CcbRecipeOptions;

/* `path`: of a file, or ccbake:NAME.  `options` may be NULL.  Errors: CCB_ERR_RECIPE with file:line:column and, if possible, a suggestion; CCB_ERR_USAGE for
 * a --set that the recipe has no variable for. */
CcbRecipe *ccb_recipe_load(const char *path, const CcbRecipeOptions *options, GError **error);
void ccb_recipe_free(CcbRecipe *recipe); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbRecipe, ccb_recipe_free)

/* The payload of that name, or NULL. */
const CcbRecipePayload *ccb_recipe_payload(const CcbRecipe *recipe, const char *name);

/* The waiver of that check, or NULL. */
const CcbRecipeWaiver *ccb_recipe_waiver(const CcbRecipe *recipe, const char *check);

/* The variables with their values, or NULL. */
const CcbNode *ccb_recipe_variables(const CcbRecipe *recipe);

/* A template: ccb_variables_expand_file() with the recipe's variables. */
char *ccb_recipe_expand_file(const CcbRecipe *recipe, const char *path, GError **error);

/* Refuses a variable that the recipe file itself sets and nothing uses.  Called when all templates have been expanded.
 * Errors: CCB_ERR_RECIPE. */
bool ccb_recipe_check_variables(const CcbRecipe *recipe, GError **error);

extern const CcbField ccb_recipe_fields[]; /* of the top level */
