/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/collect.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "layer/built.h"
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

static guint oldest_built(const GPtrArray *all)
{
    guint best = all->len;
    for (guint i = 0; i < all->len; i++)
        if (best == all->len ||
            ((CcbBuilt *)all->pdata[i])->used < ((CcbBuilt *)all->pdata[best])->used)
            best = i;
    return best;
}

static uint64_t total_size(const GPtrArray *layers, const GPtrArray *built)
{
    uint64_t total = 0;
    for (guint i = 0; i < layers->len; i++)
        total += ((CcbLayer *)layers->pdata[i])->size;
    for (guint i = 0; i < built->len; i++)
        total += ((CcbBuilt *)built->pdata[i])->size;
    return total;
}

static bool is_excess(int64_t used, uint64_t total, const CcbCollectBounds *bounds)
{
    return total > bounds->max_bytes || time(NULL) - used > bounds->max_age_s;
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

typedef struct {
    GPtrArray *layers, *built;
    uint64_t total;
    CcbCollected result;
} Collection;

static void count_removed(Collection *c, uint64_t size)
{
    c->total -= size;
    c->result.freed += size;
    c->result.removed++;
}

static void collect_layer(Collection *c, guint index)
{
    const CcbLayer *layer = c->layers->pdata[index];
    if (!ccb_layer_remove(layer->key)) {
        c->result.in_use += set_aside(c->layers, index);
        return;
    }
    count_removed(c, layer->size);
    g_ptr_array_remove_index(c->layers, index);
}

static void collect_built(Collection *c, guint index)
{
    const CcbBuilt *built = c->built->pdata[index];
    if (ccb_built_remove(built->key))
        count_removed(c, built->size);
    else
        c->result.in_use++;
    g_ptr_array_remove_index(c->built, index);
}

/* Takes the older of the two; false: the bounds hold. */
static bool collect_oldest(Collection *c, const CcbCollectBounds *bounds)
{
    guint layer = oldest_leaf(c->layers), built = oldest_built(c->built);
    int64_t layer_used =
        layer < c->layers->len ? ((CcbLayer *)c->layers->pdata[layer])->used : INT64_MAX;
    int64_t built_used =
        built < c->built->len ? ((CcbBuilt *)c->built->pdata[built])->used : INT64_MAX;
    if (MIN(layer_used, built_used) == INT64_MAX ||
        !is_excess(MIN(layer_used, built_used), c->total, bounds))
        return false;
    if (layer_used <= built_used)
        collect_layer(c, layer);
    else
        collect_built(c, built);
    return true;
}

/* When this host was booted, in seconds since the epoch; 0: unknown. */
static int64_t boot_time(void)
{
    g_autofree char *text = ccb_read_file("/proc/stat", 0, NULL, NULL);
    const char *line = text ? strstr(text, "\nbtime ") : NULL;
    return line ? g_ascii_strtoll(line + strlen("\nbtime "), NULL, 10) : 0;
}

/* What no reaper could remove, because the host went down: nothing from before the boot is under way. */
static void sweep(const char *name, const char *ending, int64_t before)
{
    const char *entry;
    struct stat st;
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), name, NULL);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    while (list != NULL && (entry = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(dir, entry, NULL);
        if (g_str_has_suffix(entry, ending) && lstat(path, &st) == 0 && st.st_mtime < before)
            ccb_remove_tree(path, NULL); /* the next time, if not now */
    }
}

CcbCollected ccb_cache_collect(const CcbCollectBounds *bounds)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    g_autoptr(GPtrArray) built = ccb_built_list();
    Collection c = {.layers = layers, .built = built, .total = total_size(layers, built)};
    sweep("layers", ".part", boot_time());
    sweep("built", ".part", boot_time());
    sweep("work", "", boot_time());
    sweep("digests", "", boot_time()); /* they are of files as that boot saw them */
    while (collect_oldest(&c, bounds))
        ;
    c.result.kept = layers->len + built->len + c.result.in_use;
    return c.result;
}
