/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The change that a bake will make to its base, before it is made.  Of the steps that the cache has
 * layers of it is read from the images; of the others it is what their kinds declare.  Without a
 * backend no image is opened, and it is what all of them declare.  Nothing is written but what the
 * cache notes of layers that are used.
 */
#pragma once

#include "diff/diff.h"
#include "plan/plan.h"

typedef struct {
    guint cached;        /* steps that are in layers, from the first on */
    CcbDiff *exact;      /* of the base and the last of them; NULL: none is cached */
    GPtrArray *declared; /* CcbDeclared, of the steps from `cached` on */
    bool is_compared;    /* with the base; false: it is not at hand */
} CcbPreview;

typedef struct {
    CcbDiff *diff;
    GPtrArray *unknown; /* CcbChange with the op UNKNOWN */
} CcbDeclared;

typedef struct {
    const CcbPlan *plan;
    const char *const *keys; /* of the steps; NULL: something is not pinned, and nothing cached */
    const CcbFacts *base;    /* NULL: it is not at hand */
    const char *backend;     /* of --backend; NULL: no image is opened */
} CcbPreviewOptions;

/* Errors: of the cache, the backend and the images. */
CcbPreview *ccb_preview_new(const CcbPreviewOptions *options, GError **error);
void ccb_preview_free(CcbPreview *preview); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPreview, ccb_preview_free)

/* What a step declares, in one line: "2 files, +swiotlb=4194304,any, ? 2 things that only the
 * bake will show"; caller frees. */
char *ccb_preview_summary(const CcbPreview *preview, guint index);

/* To standard output. */
void ccb_preview_print(const CcbPreview *preview, const CcbPlan *plan);

/* "basis", and what is declared, into the object of a step. */
void ccb_preview_step_to_json(const CcbPreview *preview, guint index, json_t *step);
