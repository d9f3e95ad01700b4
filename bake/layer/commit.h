/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commits overlays while later steps run over them: compressing, syncing and hashing a large layer
 * takes as long as many a step.
 *
 *     ccb_committer_add(committer, layer, &base, lock);         one after the other, in a thread
 *     ...                                                       the next overlay is on the uncommitted one
 *     ccb_committer_finish(committer, use, &top, error);        all are layers
 */
#pragma once

#include "layer/layer.h"

typedef struct CcbCommitter CcbCommitter;

CcbCommitter *ccb_committer_new(void);

/* Takes ownership of layer and lock; the lock is shared as soon as the layer is published.  The digest of a parent that
 * is still being committed is filled in. */
void ccb_committer_add(CcbCommitter *committer, CcbLayer *layer, const CcbLayerBase *base,
                       int lock);

/* Whether a layer could not be committed: none can lie on it, and ccb_committer_finish() says why. */
bool ccb_committer_has_failed(CcbCommitter *committer);

/* The key of the last one that was added, or NULL. */
const char *ccb_committer_last(const CcbCommitter *committer);

/* Waits until all are committed, removes the overlays and frees the committer.  Locks go to `use`; *ret_top is the last
 * layer (owned by the caller), or NULL where there is none.  Errors are those of ccb_layer_publish(); the layers before
 * the one that failed are there all the same. */
bool ccb_committer_finish(CcbCommitter *committer, GArray *use, CcbLayer **ret_top, GError **error);
