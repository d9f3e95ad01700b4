/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the cache of layers within bounds. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    uint64_t max_bytes; /* of all layers together; 0: no bound */
    int64_t max_age_s;  /* since the last use; 0: no bound */
} CcbCollectBounds;

typedef struct {
    guint removed, kept, in_use; /* layers; in_use: should have gone */
    uint64_t freed;              /* bytes */
} CcbCollected;

/* Removes the least recently used layers that no other layer lies on, until the bounds hold. */
CcbCollected ccb_layers_collect(const CcbCollectBounds *bounds);
