/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OUT.json: what an image was baked from, and what the checks found in it. */
#pragma once

#include "emit/output.h"
#include "layer/chain.h"
#include "plan/plan.h"

typedef struct {
    const CcbPlan *plan;
    const json_t *inputs;     /* of ccb_inputs_read() */
    const CcbFacts *base;     /* before */
    const CcbFacts *result;   /* after */
    const char *key;          /* of the last step, and so of the content */
    const char *const *keys;  /* of each step; NULL-terminated */
    const GPtrArray *formats; /* CcbEmitFormat, one an image */
    const CcbOutput *output;  /* its images are written: their size and sha256 are recorded */
    bool compressed;          /* those that can be */
    const char *backend;
    const GArray *times; /* CcbStepTime, in order */
    /* Seconds of these (0 where there was none), and of the bake so far. */
    double emit_s, verify_s, all_s;
    json_t *checks;        /* the report of verify; borrowed; may be NULL */
    const char *check_set; /* the digest of the checks that were made; with `checks` */
} CcbManifest;

/* Whether a bake would have nothing to do: the images `paths`, with the manifest beside them, are what
 * a bake to this key, with these formats and this compression, would give.  Where `check_set` is not
 * NULL, exactly those checks must have been made, the plan must still expect the same of the image, and the recipe
 * must still waive what was waived. */
bool ccb_manifest_is_current(const char *const *paths, const GPtrArray *formats, const char *key,
                             const CcbPlan *plan, bool compressed, const char *check_set);

/* Reads a manifest; a new reference.  Errors: CCB_ERR_INPUT: not there, no JSON, not of an image. */
json_t *ccb_manifest_load(const char *path, GError **error);

/* As above, and it must be that of the file `image`, whose digest this is. */
json_t *ccb_manifest_load_for(const char *path, const char *image, const char *sha256,
                              GError **error);

/* As above, of the manifest beside the image; NULL without an error where there is none. */
json_t *ccb_manifest_beside(const char *image, const char *sha256, GError **error);

/* The name of the recipe, or NULL; belongs to the manifest. */
const char *ccb_manifest_recipe(const json_t *manifest);

/* Refuses to overwrite a file in the manifest's place that is not the manifest of that image.  Errors:
 * CCB_ERR_USAGE. */
bool ccb_manifest_check_place(const char *image, GError **error);

/* New reference; errors: CCB_ERR_IO, CCB_ERR_CANCELLED. */
json_t *ccb_manifest_build(const CcbManifest *manifest, GError **error);
