/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake cache`: what bakes left: layers, and files that were built. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "cli/verbs.h"
#include "layer/built.h"
#include "layer/collect.h"
#include "layer/layer.h"

/* A bound of 0 empties the cache. */
#define NO_SIZE UINT64_MAX
#define NO_AGE  UINT_MAX
static uint64_t max_size = NO_SIZE;
static unsigned max_age_days = NO_AGE;

static const CcbOption options[] = {
    {"max-size", 0, CCB_OPT_SIZE, &max_size, "SIZE",
     "gc: remove the least recently used beyond this size, as 500M or 20G"},
    {"max-age", 0, CCB_OPT_NUMBER, &max_age_days, "DAYS",
     "gc: remove what was not used for so long"},
    {0},
};

static void print_row(const char *key, const char *what, uint64_t bytes, int64_t used)
{
    g_autofree char *size = ccb_format_size(bytes);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(used);
    g_autofree char *when = g_date_time_format(time, "%F %T");
    printf("%.12s  %-18s %9s  used %s\n", key, what, size, when);
}

static bool list(GError **error)
{
    uint64_t total = 0;
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    g_autoptr(GPtrArray) all_built = ccb_built_list();
    for (guint i = 0; i < layers->len; i++) {
        const CcbLayer *layer = layers->pdata[i];
        print_row(layer->key, layer->step ? layer->step : "?", layer->size, layer->used);
        total += layer->size;
    }
    for (guint i = 0; i < all_built->len; i++) {
        const CcbBuilt *built = all_built->pdata[i];
        print_row(built->key, "(built files)", built->size, built->used);
        total += built->size;
    }
    g_autofree char *all = ccb_format_size(total);
    printf("%u layers and %u sets of built files, %s, in %s\n", layers->len, all_built->len, all,
           ccb_cache_dir());
    return true;
}

static bool collect(GError **error)
{
    enum { DAY_S = 24 * 3600 };
    if (max_size == NO_SIZE && max_age_days == NO_AGE)
        return ccb_fail(error, CCB_ERR_USAGE, "cache gc: give a bound, --max-size or --max-age");
    CcbCollectBounds bounds = {.max_bytes = max_size, .max_age_s = INT64_MAX};
    if (max_age_days != NO_AGE)
        bounds.max_age_s = (int64_t)max_age_days * DAY_S;
    CcbCollected result = ccb_cache_collect(&bounds);
    g_autofree char *freed = ccb_format_size(result.freed);
    printf("removed %u (%s), kept %u, %u of them in use\n", result.removed, freed, result.kept,
           result.in_use);
    return true;
}

/* ccb_built_find() looks at all of it. */
static bool verify_built(const GPtrArray *all, guint *bad, GError **error)
{
    for (guint i = 0; i < all->len; i++) {
        GError *reason = NULL;
        g_autoptr(CcbBuilt) built = ccb_built_find(((CcbBuilt *)all->pdata[i])->key, &reason);
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return false;
        }
        *bad += built == NULL;
    }
    return true;
}

static bool verify_layers(const GPtrArray *all, guint *bad, GError **error)
{
    for (guint i = 0; i < all->len; i++) {
        bool whole;
        if (!ccb_layer_verify(((CcbLayer *)all->pdata[i])->key, &whole, error))
            return false;
        *bad += !whole;
    }
    return true;
}

static bool verify(GError **error)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    g_autoptr(GPtrArray) built = ccb_built_list();
    guint bad = 0;
    if (!verify_built(built, &bad, error) || !verify_layers(layers, &bad, error))
        return false;
    printf("%u layers and %u sets of built files, %u damaged and dropped\n", layers->len,
           built->len, bad);
    return bad == 0 || ccb_fail(error, CCB_ERR_CHECK, "%u were damaged", bad);
}

static bool run(int argc, char **argv, GError **error)
{
    static const struct {
        const char *name;
        bool (*act)(GError **error);
    } actions[] = {{"ls", list}, {"gc", collect}, {"verify", verify}};
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
        if (strcmp(argv[0], actions[i].name) == 0)
            return actions[i].act(error);
    return ccb_fail(error, CCB_ERR_USAGE, "cache %s: expected ls, gc or verify", argv[0]);
}

const CcbVerb ccb_verb_cache = {
    "cache", "ls|gc|verify", "list, bound or check what bakes left in the cache", options, 1, 1,
    run,
};
