/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what bakes left in the cache within bounds: layers, and files that were built. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    uint64_t max_bytes; /* of all together; UINT64_MAX: no bound */
    int64_t max_age_s;  /* since the last use; INT64_MAX: no bound */
} CcbCollectBounds;

typedef struct {
    guint removed, kept, in_use; /* in_use: over the bounds, and kept all the same */
    uint64_t freed;              /* bytes */
} CcbCollected;

/* Removes the least recently used first, a layer only after all above it, until the bounds hold.  What bakes left
 * unfinished when the host went down is removed in any case. */
CcbCollected ccb_cache_collect(const CcbCollectBounds *bounds);
