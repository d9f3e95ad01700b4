/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/collect.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"

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

/* Whether `what` names the item: its recipe, or how its key or the key of something below it begins. */
static bool is_named(const CcbItem *item, const char *what, guint items)
{
    enum { SHORTEST = 4 };
    if (item->layer != NULL && g_strcmp0(item->layer->recipe, what) == 0)
        return true;
    /* Damaged descriptions may go round in circles. */
    for (const CcbItem *i = item; i != NULL && strlen(what) >= SHORTEST && items-- > 0;
         i = i->below)
        if (g_str_has_prefix(i->key, what))
            return true;
    return false;
}

bool ccb_cache_collect(CcbInventory *inventory, const CcbCollectBounds *bounds, CcbCollected *ret)
{
    CcbCollected result = {0};
    int64_t now = time(NULL);
    uint64_t total = inventory->size;
    bool any_named = false;
    if (!bounds->dry_run) {
        ccb_layer_sweep();
        sweep("layers", ".part");
        sweep("built", ".part");
        sweep("work", "");
        sweep("digests", ""); /* they are of files as that boot saw them */
    }
    for (guint i = 0; i < inventory->items->len; i++) {
        CcbItem *item = inventory->items->pdata[i];
        bool named = bounds->what != NULL && is_named(item, bounds->what, inventory->items->len);
        bool goes = bounds->what != NULL
                        ? named
                        : total > bounds->max_bytes || now - item->used > bounds->max_age_s;
        any_named = any_named || named;
        bool stays =
            item->is_held || (goes && (bounds->dry_run ? ccb_item_is_used(inventory, item)
                                                       : !ccb_item_remove(inventory, item)));
        if ((stays || !goes) && item->below != NULL)
            item->below->is_held = true;
        if (!goes)
            continue;
        result.in_use += stays;
        if (stays)
            continue;
        total -= item->size;
        result.freed += item->size;
        result.removed++;
        if (bounds->each != NULL)
            bounds->each(item);
    }
    result.kept = inventory->items->len - result.removed;
    *ret = result;
    return bounds->what == NULL || any_named;
}
