/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the cache has and can do without: layers, built files, downloads. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "fetch/store.h"
#include "layer/layer.h"

typedef enum { CCB_ITEM_LAYER, CCB_ITEM_BUILT, CCB_ITEM_DOWNLOAD } CcbItemKind;

typedef struct CcbItem CcbItem;
struct CcbItem {
    CcbItemKind kind;
    const char *key;
    const CcbLayer *layer; /* of a layer */
    CcbObject *object;     /* of a download */
    CcbItem *
        below; /* what is worth nothing without this: the layer below, or a download that is the base; or NULL */
    guint above;   /* items directly above it */
    guint height;  /* of the tallest stack of items above it */
    uint64_t size; /* bytes */
    int64_t used;  /* last use of it or of an item above it, in seconds since the epoch */
    bool is_held;  /* for collect.c: an item above it stays */
};

typedef struct {
    CcbStore *store;
    GPtrArray *items; /* CcbItem: the least recently used first, and each after all above it */
    uint64_t size;    /* bytes of all */
    GPtrArray *layers, *built, *objects; /* what the items are made of */
} CcbInventory;

/* Unchecked.  Errors: CCB_ERR_IO. */
CcbInventory *ccb_inventory_new(GError **error);
void ccb_inventory_free(CcbInventory *inventory); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbInventory, ccb_inventory_free)

/* Whether a process makes or uses the item itself at this moment. */
bool ccb_item_is_used(const CcbInventory *inventory, const CcbItem *item);

/* Removes it unless it is in use; whether it is gone. */
bool ccb_item_remove(const CcbInventory *inventory, const CcbItem *item);
