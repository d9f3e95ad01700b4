/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freezes an overlay while the next step runs over it: compressing, syncing and hashing a large
 * layer takes as long as many a step.
 *
 *     f = ccb_freeze_start(layer, &base, lock);      a thread publishes the layer
 *     ...                                            the next overlay lies on the same KEY.part
 *     layer = ccb_freeze_finish(f, &lock, error);
 */
#pragma once

#include "layer/layer.h"

typedef struct CcbFreezing CcbFreezing;

/* Takes over layer and lock, which is shared as soon as the layer is published. */
CcbFreezing *ccb_freeze_start(CcbLayer *layer, const CcbLayerBase *base, int lock);

/* Waits for it.  The layer, or NULL with the errors of ccb_layer_publish(); frees `freezing`.  The
 * overlay is left. */
CcbLayer *ccb_freeze_finish(CcbFreezing *freezing, int *ret_lock, GError **error);
