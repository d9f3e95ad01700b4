/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step kind is one file in step/ and one row of step/kinds.h.  It says what a recipe may write,
 * what is wrong with what it wrote, what the image should be then, and what is done:
 *
 *     const CcbStepKind ccb_step_modprobe = {
 *         .name = "modprobe", .summary = "...", .version = 1,
 *         .fields = fields, .settings_size = sizeof(Settings),
 *         .check = check, .describe = describe, .changes = changes,
 *     };
 *
 * A kind that only changes files has .changes; what an installer has to do in the image is in .run.
 * No other file knows the name of a kind.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "change/change.h"
#include "fetch/fetch.h"
#include "guest/facts.h"
#include "guest/guest.h"
#include "recipe/expectation.h"
#include "recipe/recipe.h"

typedef struct CcbStepKind CcbStepKind;

/* Whether a name can stand below CCB_PAYLOAD_DIR and nowhere else. */
bool ccb_payload_name_is_safe(const char *name);

/* Settings that every kind has: the first member of each kind's struct, and the first rows of its
 * table. */
typedef struct {
    char *id;
    unsigned limit; /* seconds */
} CcbStepSettings;

#define CCB_STEP_FIELDS                                                                            \
    CCB_SETTING(CcbStepSettings, id, "id", STRING, "name of the step; default: its kind"),         \
        CCB_SETTING(CcbStepSettings, limit, "limit", NUMBER, "seconds a command of it may take",   \
                    .preset = "3600")

/* A step of the plan. */
typedef struct {
    const CcbStepKind *kind;
    const char *id;
    void *settings;        /* the kind's struct, which begins with CcbStepSettings */
    CcbRecipeStep *origin; /* with the nodes, for errors with a position; `node` is a map or NULL */
    CcbNode *wrapped;      /* that map, where the recipe has a list; else NULL */
    GPtrArray *payloads;   /* CcbPayload */
    bool unresolved;       /* the lock lacks what .resolve finds out */
} CcbStep;

/* What is known while a plan is made. */
typedef struct {
    const CcbRecipe *recipe;
    const CcbExpectation *expect; /* of all of the recipe's steps */
    const CcbFacts *facts; /* of the image before the step; NULL, or default_kver "": unknown */
    const char *key;       /* of the step; NULL: unknown */
} CcbStepContext;

/* What a running step works with. */
typedef struct {
    CcbGuest *guest;
    const CcbRecipe *recipe;
    CcbFacts *facts; /* of the guest, when the step began or last refreshed them; owned */
    unsigned jobs;   /* compilers at a time */
    bool no_cache;   /* take nothing that another bake left in the cache */
} CcbBake;

struct CcbStepKind {
    const char *name;
    const char *summary;
    unsigned version; /* raised when the same settings give another result: part of the cache key */
    const CcbField *fields; /* CCB_STEP_FIELDS first */
    const char
        *list; /* the setting that a list in the place of the settings stands for; NULL: none */
    size_t settings_size;
    bool uses_min_kernel; /* its result depends on the recipe's base.min-kernel */
    bool makes_initramfs; /* what the steps before it feed goes into the initramfs here */
    bool replaces_kernel; /* with payloads, it replaces a kernel below base.min-kernel */
    bool feeds_initramfs; /* its result must be in the initramfs: an initramfs step has to follow */
    bool is_selftest;     /* it brings the test of the running instance */
    bool may_change_files; /* it runs what the recipe says: files of earlier steps may be others */
    bool brings_anything;  /* its packages are of the recipe: nobody knows before what is in them */
    bool needs_selftest;   /* its result is tested there: the recipe must have such a step */
    /* Space per byte of payload, in percent, and on top of that in bytes. */
    unsigned image_percent, scratch_percent;
    uint64_t image_bytes, scratch_bytes;

    /* May be NULL.  Adds to what the image should be; steps are asked in their order, before any
     * .check. */
    void (*expect)(const CcbStep *step, CcbExpectation *expect);
    /* May be NULL.  The settings fit the fields; errors: CCB_ERR_RECIPE with a position. */
    bool (*check)(const CcbStepContext *context, const CcbStep *step, GError **error);
    /* One line: what it will do.  Caller frees. */
    char *(*describe)(const CcbRecipe *recipe, const CcbStep *step);
    /* May be NULL.  Adds its changes (change/change.h), to be applied after .run where there is one.
     * Reads files of the recipe, and no image.  Where there is a .run, adds what is known of its
     * result, too, and what only the bake will show. */
    bool (*changes)(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error);
    /* Network on, in a throw-away overlay, in `lock` only: what the step needs beside the recipe's
     * payloads, as CcbPayload without path.  NULL for most kinds. */
    bool (*resolve)(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error);
    /* NULL for kinds that only change files. */
    bool (*run)(CcbBake *bake, const CcbStep *step, GError **error);
};

/* One line: what the step will do, without secrets (base/leak.h).  Caller frees. */
char *ccb_step_describe(const CcbRecipe *recipe, const CcbStep *step);

/* The kernel of the image: the one its default boot entry boots. */
static inline const char *ccb_bake_kver(const CcbBake *bake)
{
    return bake->facts->default_kver;
}

/* Reads the facts of the guest anew, after a step that changed kernels or boot entries. */
bool ccb_bake_refresh(CcbBake *bake, GError **error);

/* Runs the step and applies its changes; `expect` and `key` as in CcbStepContext.  The facts are
 * those of the image after it then. */
bool ccb_bake_step(CcbBake *bake, const CcbStep *step, const CcbExpectation *expect,
                   const char *key, GError **error);
