/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake cache`: layers, and files that were built, which bakes have left. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/quantity.h"
#include "cli/verbs.h"
#include "layer/built.h"
#include "layer/collect.h"
#include "layer/layer.h"

/* A bound of 0 empties the cache. */
#define NO_SIZE UINT64_MAX
#define NO_AGE  UINT_MAX

static struct {
    uint64_t max_size; /* bytes */
    unsigned max_age;  /* days */
} opts = {.max_size = NO_SIZE, .max_age = NO_AGE};

static const CcbOption options[] = {
    {"max-size", 0, CCB_OPT_SIZE, &opts.max_size, "SIZE",
     "gc: remove the least recently used beyond this size, as 500M or 20G"},
    {"max-age", 0, CCB_OPT_NUMBER, &opts.max_age, "DAYS",
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
    printf("%u %s and %u %s of built files, %s, in %s\n", layers->len,
           ccb_plural(layers->len, "layer", "layers"), all_built->len,
           ccb_plural(all_built->len, "set", "sets"), all, ccb_cache_dir());
    return true;
}

static bool collect(GError **error)
{
    enum { DAY_S = 24 * 3600 };
    if (opts.max_size == NO_SIZE && opts.max_age == NO_AGE)
        return ccb_fail(error, CCB_ERR_USAGE, "cache gc: give a bound, --max-size or --max-age");
    CcbCollectBounds bounds = {.max_bytes = opts.max_size, .max_age_s = INT64_MAX};
    if (opts.max_age != NO_AGE)
        bounds.max_age_s = (int64_t)opts.max_age * DAY_S;
    CcbCollected result = ccb_cache_collect(&bounds);
    g_autofree char *freed = ccb_format_size(result.freed);
    printf("removed %u (%s), kept %u, %u of them in use\n", result.removed, freed, result.kept,
           result.in_use);
    return true;
}

static bool verify(GError **error)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    g_autoptr(GPtrArray) all_built = ccb_built_list();
    guint bad = 0;
    for (guint i = 0; i < all_built->len; i++) {
        GError *reason = NULL;
        const char *key = ((const CcbBuilt *)all_built->pdata[i])->key;
        g_autoptr(CcbBuilt) built = ccb_built_find(key, &reason); /* reads and digests the files */
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return false;
        }
        bad += built == NULL;
    }
    for (guint i = 0; i < layers->len; i++) {
        bool whole;
        if (!ccb_layer_verify(((const CcbLayer *)layers->pdata[i])->key, &whole, error))
            return false;
        bad += !whole;
    }
    printf("%u %s and %u %s of built files, %u damaged and dropped\n", layers->len,
           ccb_plural(layers->len, "layer", "layers"), all_built->len,
           ccb_plural(all_built->len, "set", "sets"), bad);
    return bad == 0 ||
           ccb_fail(error, CCB_ERR_CHECK, "%u %s damaged", bad, ccb_plural(bad, "was", "were"));
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
    .name = "cache",
    .arguments = "ls|gc|verify",
    .summary = "list, bound or check what bakes left in the cache",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
