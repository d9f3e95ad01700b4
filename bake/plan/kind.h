/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step kind is one file in step/ and one row of step/kinds.c.  It says what a recipe may write,
 * what is wrong with what it wrote, what will happen, and makes it happen:
 *
 *     const CcbStepKind ccb_step_modprobe = {
 *         .name = "modprobe", .summary = "...", .version = 1, .fields = fields,
 *         .check = check, .describe = describe, .declare = declare, .run = run,
 *     };
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/facts.h"
#include "guest/guest.h"
#include "plan/effect.h"
#include "recipe/recipe.h"

typedef struct CcbStepKind CcbStepKind;

/* A file that a step needs: a payload of the recipe, or one that the lock resolved (a package, a
 * wheel). */
typedef struct {
    char *label; /* what people call it: the payload's name, the package */
    char *name;  /* file name in the guest, below CCB_PAYLOAD_DIR */
    char **urls;
    char *referer;
    char *sha256; /* NULL: not pinned */
    uint64_t size;
    char *path; /* on the host, once fetched; NULL before */
} CcbPayload;

/* Whether a name can stand below CCB_PAYLOAD_DIR and nowhere else. */
bool ccb_payload_name_is_safe(const char *name);

void ccb_payload_free(CcbPayload *payload); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPayload, ccb_payload_free)

/* A step of the plan. */
typedef struct {
    const CcbStepKind *kind;
    const char *id;
    const CcbNode *settings; /* map or NULL */
    const CcbRecipeStep *origin;
    GPtrArray *payloads; /* CcbPayload */
    bool unresolved;     /* the lock lacks what .resolve finds out */
} CcbStep;

/* What a running step works with. */
typedef struct {
    CcbGuest *guest;
    const CcbRecipe *recipe;
    CcbFacts *facts; /* of the guest, as it was when the bake began or a step last refreshed them */
    const char
        *key;      /* of the step that runs: it names what the image holds when the step is done */
    unsigned jobs; /* compilers at a time */
    bool no_cache; /* take nothing that another bake left in the cache */
} CcbBake;

/* Settings every kind has; the first rows of its table. */
#define CCB_STEP_FIELDS                                                                            \
    {"id", CCB_FIELD_STRING, false, "name of the step; default: its kind", NULL, NULL},            \
    {                                                                                              \
        "limit", CCB_FIELD_NUMBER, false, "seconds a command of it may take; default: 3600", NULL, \
            NULL                                                                                   \
    }

struct CcbStepKind {
    const char *name;
    const char *summary;
    unsigned version; /* raised when the same settings give another result: part of the cache key */
    const CcbField *fields; /* CCB_STEP_FIELDS first */
    bool uses_min_kernel;   /* its result depends on the recipe's base.min-kernel */
    bool makes_initramfs;   /* what the steps before it feed goes into the initramfs here */
    bool replaces_kernel;   /* with payloads, it replaces a kernel below base.min-kernel */
    bool feeds_initramfs;   /* its result must be inside the initramfs: an initramfs step has to
                               follow */
    bool is_selftest;       /* it brings the test of the running instance */
    bool needs_selftest;    /* its result is judged there: the recipe must have such a step */
    /* Space per byte of payload, in percent, and on top of that in bytes. */
    unsigned image_percent, scratch_percent;
    uint64_t image_bytes, scratch_bytes;

    /* May be NULL.  The settings fit the fields; errors: CCB_ERR_RECIPE with a position. */
    bool (*check)(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error);
    /* May be NULL.  What of the rest of the recipe its result depends on, as text: it goes into the
     * cache key.  Caller frees. */
    char *(*derive)(const CcbRecipe *recipe);
    /* One line: what it will do.  Caller frees. */
    char *(*describe)(const CcbRecipe *recipe, const CcbStep *step);
    /* Network on, in a throw-away overlay, in `lock` only: what the step needs beside the recipe's
     * payloads, as CcbPayload without path.  NULL for most kinds. */
    bool (*resolve)(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error);
    /* What it will change, to `effect` (effect.h): for a comparison before the bake.  `facts` are
     * those of the image before the step, as far as they are known: NULL, or default_kver "".
     * Reads nothing but the recipe's own files.  NULL: nothing can be told. */
    bool (*declare)(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error);
    bool (*run)(CcbBake *bake, const CcbStep *step, GError **error);
};

/* The kernel of the image: the one its default boot entry boots. */
static inline const char *ccb_bake_kver(const CcbBake *bake)
{
    return bake->facts->default_kver;
}

/* Reads the facts of the guest anew, after a step that changed kernels or boot entries. */
bool ccb_bake_refresh(CcbBake *bake, GError **error);
