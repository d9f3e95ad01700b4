/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/collect.h"

#include <time.h>

#include "layer/layer.h"

static bool has_children(const GPtrArray *layers, const char *key)
{
    for (guint i = 0; i < layers->len; i++)
        if (g_strcmp0(((CcbLayer *)layers->pdata[i])->parent, key) == 0)
            return true;
    return false;
}

/* The least recently used layer that nothing lies on; layers->len where there is none. */
static guint oldest_leaf(const GPtrArray *layers)
{
    guint best = layers->len;
    for (guint i = 0; i < layers->len; i++) {
        const CcbLayer *layer = layers->pdata[i];
        if (!has_children(layers, layer->key) &&
            (best == layers->len || layer->used < ((CcbLayer *)layers->pdata[best])->used))
            best = i;
    }
    return best;
}

static uint64_t total_size(const GPtrArray *layers)
{
    uint64_t total = 0;
    for (guint i = 0; i < layers->len; i++)
        total += ((CcbLayer *)layers->pdata[i])->size;
    return total;
}

static bool is_excess(const CcbLayer *layer, uint64_t total, const CcbCollectBounds *bounds)
{
    return (bounds->max_bytes && total > bounds->max_bytes) ||
           (bounds->max_age_s && time(NULL) - layer->used > bounds->max_age_s);
}

/* Layers with all they lie on leave the list: what is in use holds its whole chain. */
static guint set_aside(GPtrArray *layers, guint index)
{
    guint count = 0;
    g_autofree char *key = g_strdup(((CcbLayer *)layers->pdata[index])->key);
    while (key != NULL) {
        char *parent = NULL;
        for (guint i = 0; i < layers->len; i++) {
            const CcbLayer *layer = layers->pdata[i];
            if (g_strcmp0(layer->key, key) != 0)
                continue;
            parent = g_strdup(layer->parent);
            g_ptr_array_remove_index(layers, i);
            count++;
            break;
        }
        g_free(key);
        key = parent;
    }
    return count;
}

CcbCollected ccb_layers_collect(const CcbCollectBounds *bounds)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    CcbCollected result = {0};
    uint64_t total = total_size(layers);
    for (guint i; (i = oldest_leaf(layers)) < layers->len;) {
        const CcbLayer *layer = layers->pdata[i];
        if (!is_excess(layer, total, bounds))
            break;
        if (!ccb_layer_remove(layer->key)) {
            result.in_use += set_aside(layers, i);
            continue;
        }
        total -= layer->size;
        result.freed += layer->size;
        result.removed++;
        g_ptr_array_remove_index(layers, i);
    }
    result.kept = layers->len + result.in_use;
    return result;
}
