/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OUT.json: what was baked from what. */
#pragma once

#include "emit/output.h"
#include "layer/chain.h"
#include "plan/plan.h"

typedef struct {
    const CcbPlan *plan;
    const CcbFacts *base;     /* before */
    const CcbFacts *result;   /* after */
    const char *key;          /* of the last step, and so of the content */
    const char *const *keys;  /* of each step; NULL-terminated */
    const GPtrArray *formats; /* CcbEmitFormat, one an image */
    const CcbOutput *output;  /* its images are written, for size and sha256 */
    bool compressed;          /* those that can be */
    const char *backend;
    const GArray *times;            /* CcbStepTime, in order */
    double emit_s, verify_s, all_s; /* seconds: of these, 0 for none, and of the bake so far */
    json_t *checks;                 /* the report of verify; borrowed; may be NULL */
} CcbManifest;

/* Whether the images `paths` with the manifest beside them are what a bake to this key, formats and
 * compression would give, and were checked, where `verified` asks for that, with no waiver that the
 * recipe has no more: nothing is to be done then. */
bool ccb_manifest_is_current(const char *const *paths, const GPtrArray *formats, const char *key,
                             const CcbRecipe *recipe, bool compressed, bool verified);

/* Refuses a file in the manifest's place that is not the manifest of that image: another image's, or none at all.
 * Errors: CCB_ERR_USAGE. */
bool ccb_manifest_check_place(const char *image, GError **error);

/* New reference; errors: CCB_ERR_IO. */
json_t *ccb_manifest_build(const CcbManifest *manifest, GError **error);
