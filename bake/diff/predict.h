/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image will be after steps that have not run, as far as their kinds declare it
 * (plan/effect.h): a snapshot to which one step after the other is applied.  What comes out is a
 * comparison like that of two images, so that it is printed as one.
 *
 *     CcbPrediction *p = ccb_prediction_new(snapshot, guest);
 *     CcbDiff *diff = ccb_predict(p, "step units", effect, unknown, error);
 */
#pragma once

#include "diff/diff.h"
#include "plan/effect.h"

typedef struct CcbPrediction CcbPrediction;

/* The image before the steps, and the guest that it was read from, which is borrowed: files that a
 * step replaces or edits are read from it.  Either may be NULL, and the snapshot may have facts alone:
 * the image is not at hand.  Then all that is written counts as added. */
CcbPrediction *ccb_prediction_new(const CcbSnapshot *image, CcbGuest *guest);
void ccb_prediction_free(CcbPrediction *prediction); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPrediction, ccb_prediction_free)

/* Of the image as it is predicted now; default_kver is "" where a kernel will be installed whose
 * name nobody knows yet.  Belong to the prediction. */
const CcbFacts *ccb_prediction_facts(const CcbPrediction *prediction);

/* Applies the effect (CcbEffectItem) of a step and returns what it changes; `name` stands for the
 * image after it.  Sizes that are not known count as 0.  What only the bake will show goes to
 * `unknown`, as items of the kind UNKNOWN.  Errors: of the guest. */
CcbDiff *ccb_predict(CcbPrediction *prediction, const char *name, const GPtrArray *effect,
                     GPtrArray *unknown, GError **error);
