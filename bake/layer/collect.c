/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/collect.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "layer/built.h"
#include "layer/layer.h"

/* What can be removed: a layer, or a set of built files. */
typedef struct {
    const char *key;
    const char *parent; /* key of the layer below, or NULL */
    bool (*remove)(const char *key);
    uint64_t size;
    int64_t used; /* last use of it or of a layer above it */
    guint height; /* of the tallest stack of layers above it */
    bool is_held; /* a layer above it is in use */
} Item;

static void add_item(GPtrArray *items, Item item)
{
    g_ptr_array_add(items, g_memdup2(&item, sizeof item));
}

/* The least recently used first, and a layer only after all above it. */
static gint compare_items(gconstpointer a, gconstpointer b)
{
    const Item *x = *(const Item *const *)a, *y = *(const Item *const *)b;
    if (x->used != y->used)
        return x->used < y->used ? -1 : 1;
    return (int)x->height - (int)y->height;
}

/* The use of a layer is a use of all below it. */
static void sort_items(GPtrArray *items, GHashTable *by_key)
{
    for (guint i = 0; i < items->len; i++) {
        const Item *item = items->pdata[i];
        const char *parent = item->parent;
        for (guint height = 1; parent != NULL && height < items->len; height++) {
            Item *below = g_hash_table_lookup(by_key, parent);
            if (below == NULL)
                break;
            below->used = MAX(below->used, item->used);
            below->height = MAX(below->height, height);
            parent = below->parent;
        }
    }
    g_ptr_array_sort(items, compare_items);
}

/* When this host was booted, in seconds since the epoch; 0: unknown. */
static int64_t boot_time(void)
{
    g_autofree char *text = ccb_read_file("/proc/stat", 0, NULL, NULL);
    const char *line = text ? strstr(text, "\nbtime ") : NULL;
    return line ? g_ascii_strtoll(line + strlen("\nbtime "), NULL, 10) : 0;
}

/* Removes what is older than the boot of this host: the reaper could not, as the host went down. */
static void sweep(const char *name, const char *ending)
{
    const char *entry;
    struct stat st;
    int64_t booted = boot_time();
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), name, NULL);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    while (list != NULL && (entry = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(dir, entry, NULL);
        if (g_str_has_suffix(entry, ending) && lstat(path, &st) == 0 && st.st_mtime < booted)
            ccb_remove_tree(path, NULL); /* the next time, if not now */
    }
}

CcbCollected ccb_cache_collect(const CcbCollectBounds *bounds)
{
    CcbCollected result = {0};
    uint64_t total = 0;
    int64_t now = time(NULL);
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    g_autoptr(GPtrArray) built = ccb_built_list();
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) by_key = g_hash_table_new(g_str_hash, g_str_equal);
    ccb_layer_sweep();
    sweep("layers", ".part");
    sweep("built", ".part");
    sweep("work", "");
    sweep("digests", ""); /* they are of files as that boot saw them */

    for (guint i = 0; i < layers->len; i++) {
        const CcbLayer *l = layers->pdata[i];
        add_item(items, (Item){.key = l->key,
                               .parent = l->parent,
                               .remove = ccb_layer_remove,
                               .size = l->size,
                               .used = l->used});
        total += l->size;
        g_hash_table_insert(by_key, l->key, items->pdata[i]);
    }
    for (guint i = 0; i < built->len; i++) {
        const CcbBuilt *b = built->pdata[i];
        add_item(
            items,
            (Item){.key = b->key, .remove = ccb_built_remove, .size = b->size, .used = b->used});
        total += b->size;
    }
    sort_items(items, by_key);

    for (guint i = 0; i < items->len; i++) {
        Item *item = items->pdata[i];
        if (total <= bounds->max_bytes && now - item->used <= bounds->max_age_s)
            break;
        if (item->is_held || !item->remove(item->key)) {
            Item *below = item->parent ? g_hash_table_lookup(by_key, item->parent) : NULL;
            if (below != NULL)
                below->is_held = true;
            result.in_use++;
            continue;
        }
        total -= item->size;
        result.freed += item->size;
        result.removed++;
    }
    result.kept = items->len - result.removed;
    return result;
}
