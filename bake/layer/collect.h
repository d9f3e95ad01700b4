/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what bakes left in the cache within bounds. */
#pragma once

#include "layer/inventory.h"

typedef struct {
    uint64_t max_bytes; /* of all together; UINT64_MAX: no bound */
    int64_t max_age_s;  /* since the last use; INT64_MAX: no bound */
    const char *what; /* in the place of bounds: a recipe, or how a key begins; NULL: the bounds */
    bool dry_run;     /* removes nothing */
    void (*each)(const CcbItem *item); /* told of what goes; may be NULL */
} CcbCollectBounds;

typedef struct {
    guint removed, kept, in_use; /* in_use: to be removed, and kept all the same */
    uint64_t freed;              /* bytes */
} CcbCollected;

/* Removes the least recently used first, and an item only after all above it, until the bounds hold; or what is named, with
 * all that is worth nothing without it, except what others lie on.  What bakes left unfinished when the host went down
 * is removed in any case.  false: nothing has that name. */
bool ccb_cache_collect(CcbInventory *inventory, const CcbCollectBounds *bounds, CcbCollected *ret);
