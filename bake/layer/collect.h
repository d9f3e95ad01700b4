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
    guint removed, kept, in_use; /* in_use: should have gone */
    uint64_t freed;              /* bytes */
} CcbCollected;

/* Removes what was least recently used and no other layer lies on, until the bounds hold.
 * What bakes left half-made when the host went down goes in any case. */
CcbCollected ccb_cache_collect(const CcbCollectBounds *bounds);
