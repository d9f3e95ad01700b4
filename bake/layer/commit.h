/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commits overlays while later steps run over them: compressing, syncing and hashing a large layer
 * takes as long as many a step.
 *
 *     ccb_committer_add(f, layer, &base, lock);        one after the other, in a thread
 *     ...                                            the next overlay lies on the uncommitted one
 *     ccb_committer_finish(f, use, &top, error);       all are layers
 */
#pragma once

#include "layer/layer.h"

typedef struct CcbCommitter CcbCommitter;

CcbCommitter *ccb_committer_new(void);

/* Takes over layer and lock, which is shared as soon as the layer is published.  The digest of a
 * parent that is being committed, too, is filled in. */
void ccb_committer_add(CcbCommitter *committer, CcbLayer *layer, const CcbLayerBase *base,
                       int lock);

/* Whether one could not be committed: nothing more can lie on it, and ccb_committer_finish() says why. */
bool ccb_committer_has_failed(CcbCommitter *committer);

/* The key of the last one that was added, or NULL. */
const char *ccb_committer_last(const CcbCommitter *committer);

/* Waits until all are committed, removes the overlays and frees.  Locks go to `use`; *ret_top is the
 * last layer, or NULL where there is none.  Errors are those of ccb_layer_publish(); the layers
 * before the one that failed are there all the same. */
bool ccb_committer_finish(CcbCommitter *committer, GArray *use, CcbLayer **ret_top, GError **error);
