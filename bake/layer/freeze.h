/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freezes overlays while later steps run over them: compressing, syncing and hashing a large layer
 * takes as long as many a step.
 *
 *     ccb_freezer_add(f, layer, &base, lock);        one after the other, in a thread
 *     ...                                            the next overlay lies on the unfrozen one
 *     ccb_freezer_finish(f, use, &top, error);       all are layers
 */
#pragma once

#include "layer/layer.h"

typedef struct CcbFreezer CcbFreezer;

CcbFreezer *ccb_freezer_new(void);

/* Takes over layer and lock, which is shared as soon as the layer is published.  The digest of a
 * parent that is being frozen, too, is filled in. */
void ccb_freezer_add(CcbFreezer *freezer, CcbLayer *layer, const CcbLayerBase *base, int lock);

/* Whether one could not be frozen: nothing more can lie on it, and ccb_freezer_finish() says why. */
bool ccb_freezer_has_failed(CcbFreezer *freezer);

/* The key of the last one that was added, or NULL. */
const char *ccb_freezer_last(const CcbFreezer *freezer);

/* Waits until all are frozen, removes the overlays and frees.  Locks go to `use`; *ret_top is the
 * last layer, or NULL where there is none.  Errors are those of ccb_layer_publish(); the layers
 * before the one that failed are there all the same. */
bool ccb_freezer_finish(CcbFreezer *freezer, GArray *use, CcbLayer **ret_top, GError **error);
