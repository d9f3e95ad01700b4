/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/inventory.h"

#include <string.h>

#include "base/digest.h"
#include "layer/built.h"
#include "plan/acquire.h"

static void add(CcbInventory *inventory, GHashTable *by_key, CcbItem values)
{
    CcbItem *item = g_memdup2(&values, sizeof values);
    g_ptr_array_add(inventory->items, item);
    if (item->kind != CCB_ITEM_BUILT && (item->object == NULL || !item->object->is_partial))
        g_hash_table_insert(by_key, (gpointer)item->key, item);
    inventory->size += item->size;
}

/* What a layer is on: another layer, or a base image that was downloaded. */
static CcbItem *find_below(const CcbLayer *layer, GHashTable *by_key)
{
    if (layer->parent != NULL)
        return g_hash_table_lookup(by_key, layer->parent);
    if (layer->base == NULL || !g_str_has_prefix(layer->base, "base-"))
        return NULL;
    g_autofree char *sha256 = g_strndup(layer->base + strlen("base-"), CCB_SHA256_HEX);
    return g_hash_table_lookup(by_key, sha256);
}

/* The use of a layer is a use of all below it. */
static void stack(const CcbInventory *inventory, GHashTable *by_key)
{
    const GPtrArray *items = inventory->items;
    for (guint i = 0; i < items->len; i++) {
        CcbItem *item = items->pdata[i];
        item->below = item->layer != NULL ? find_below(item->layer, by_key) : NULL;
        if (item->below != NULL)
            item->below->above++;
    }
    for (guint i = 0; i < items->len; i++) {
        const CcbItem *item = items->pdata[i];
        CcbItem *below = item->below;
        /* The bound: damaged descriptions may go round in circles. */
        for (guint height = 1; below != NULL && height < items->len; height++) {
            below->used = MAX(below->used, item->used);
            below->height = MAX(below->height, height);
            below = below->below;
        }
    }
}

static gint compare_items(gconstpointer a, gconstpointer b)
{
    const CcbItem *x = *(const CcbItem *const *)a, *y = *(const CcbItem *const *)b;
    if (x->used != y->used)
        return x->used < y->used ? -1 : 1;
    return (int)x->height - (int)y->height;
}

CcbInventory *ccb_inventory_new(GError **error)
{
    g_autoptr(CcbInventory) inventory = g_new0(CcbInventory, 1);
    g_autoptr(GHashTable) by_key = g_hash_table_new(g_str_hash, g_str_equal);
    inventory->store = ccb_plan_store(error);
    if (inventory->store == NULL)
        return NULL;
    inventory->items = g_ptr_array_new_with_free_func(g_free);
    inventory->layers = ccb_layer_list();
    inventory->built = ccb_built_list();
    inventory->objects = ccb_store_list(inventory->store);
    for (guint i = 0; i < inventory->layers->len; i++) {
        const CcbLayer *l = inventory->layers->pdata[i];
        add(inventory, by_key,
            (CcbItem){CCB_ITEM_LAYER, l->key, .layer = l, .size = l->size, .used = l->used});
    }
    for (guint i = 0; i < inventory->built->len; i++) {
        const CcbBuilt *b = inventory->built->pdata[i];
        add(inventory, by_key, (CcbItem){CCB_ITEM_BUILT, b->key, .size = b->size, .used = b->used});
    }
    for (guint i = 0; i < inventory->objects->len; i++) {
        CcbObject *o = inventory->objects->pdata[i];
        add(inventory, by_key,
            (CcbItem){CCB_ITEM_DOWNLOAD, o->key, .object = o, .size = o->size, .used = o->used});
    }
    stack(inventory, by_key);
    g_ptr_array_sort(inventory->items, compare_items);
    return g_steal_pointer(&inventory);
}

void ccb_inventory_free(CcbInventory *inventory)
{
    if (inventory == NULL)
        return;
    ccb_store_free(inventory->store);
    g_clear_pointer(&inventory->items, g_ptr_array_unref);
    g_clear_pointer(&inventory->layers, g_ptr_array_unref);
    g_clear_pointer(&inventory->built, g_ptr_array_unref);
    g_clear_pointer(&inventory->objects, g_ptr_array_unref);
    g_free(inventory);
}

bool ccb_item_is_used(const CcbInventory *inventory, const CcbItem *item)
{
    switch (item->kind) {
    case CCB_ITEM_LAYER:
        return ccb_layer_is_used(item->key);
    case CCB_ITEM_BUILT:
        return ccb_built_is_used(item->key);
    case CCB_ITEM_DOWNLOAD:
        return ccb_store_is_used(inventory->store, item->object);
    }
    g_assert_not_reached();
}

bool ccb_item_remove(const CcbInventory *inventory, const CcbItem *item)
{
    switch (item->kind) {
    case CCB_ITEM_LAYER:
        return ccb_layer_remove(item->key);
    case CCB_ITEM_BUILT:
        return ccb_built_remove(item->key);
    case CCB_ITEM_DOWNLOAD:
        return ccb_store_remove(inventory->store, item->object);
    }
    g_assert_not_reached();
}
