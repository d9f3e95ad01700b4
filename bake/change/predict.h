/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image will be after steps that have not run: a snapshot to which the changes of one step
 * after the other are applied, by the same function that applies them in a guest.  What comes out
 * is a comparison like that of two images, so that it is printed as one.
 *
 *     CcbPrediction *p = ccb_prediction_new(snapshot, guest);
 *     CcbDiff *diff = ccb_predict(p, "step units", changes, unknown, error);
 */
#pragma once

#include "change/change.h"
#include "diff/diff.h"

typedef struct CcbPrediction CcbPrediction;

/* The image before the steps, and the guest that it was read from, which is borrowed: files that a
 * step replaces or edits are read from it.  Either may be NULL, and the snapshot may have facts
 * alone: the image is not at hand.  Then all that is written counts as added. */
CcbPrediction *ccb_prediction_new(const CcbSnapshot *image, CcbGuest *guest);
void ccb_prediction_free(CcbPrediction *prediction); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPrediction, ccb_prediction_free)

/* Of the image as it is predicted now; default_kver is "" where a kernel will be installed whose
 * name nobody knows yet.  Belong to the prediction. */
const CcbFacts *ccb_prediction_facts(const CcbPrediction *prediction);

/* The same image, for reading: files, directories, links.  A file whose content nobody knows can't be read (CCB_ERR_INPUT).
 * Belongs to the prediction, and reads the guest of ccb_prediction_new(). */
CcbGuest *ccb_prediction_guest(const CcbPrediction *prediction);

/* Applies the changes (CcbChange) of a step and returns what they come to; `name` stands for the
 * image after it.  Sizes that are not known count as 0.  What only the bake will show goes to
 * `unknown`, as changes with the op UNKNOWN; what can't be done to `failures` (char *), with the reason and the hint that
 * the bake would end with.  Errors: of the guest. */
CcbDiff *ccb_predict(CcbPrediction *prediction, const char *name, const GPtrArray *changes,
                     GPtrArray *unknown, GPtrArray *failures, GError **error);
