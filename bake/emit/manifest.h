/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OUT.json: what was baked from what. */
#pragma once

#include "plan/plan.h"

typedef struct {
    const char *id;
    double seconds;
} CcbStepTime;

typedef struct {
    const CcbPlan *plan;
    const CcbFacts *base;    /* before */
    const CcbFacts *result;  /* after */
    const char *image;       /* the emitted file, for size and sha256 */
    const char *door;
    const GArray *times;     /* CcbStepTime, in order */
    json_t *checks;          /* the report of verify; borrowed; may be NULL */
} CcbManifest;

/* New reference; errors: CCB_ERR_IO. */
json_t *ccb_manifest_build(const CcbManifest *manifest, GError **error);
