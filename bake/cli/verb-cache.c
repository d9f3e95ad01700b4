/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake cache`: layers, built files and downloads, which bakes have left. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "cli/verbs.h"
#include "layer/built.h"
#include "layer/collect.h"

/* A bound of 0 empties the cache. */
#define NO_SIZE UINT64_MAX
#define NO_AGE  UINT_MAX

static struct {
    uint64_t max_size; /* bytes */
    unsigned max_age;  /* days */
    bool dry_run, all;
    const char *format;
} opts = {.max_size = NO_SIZE, .max_age = NO_AGE, .format = "text"};

static const CcbOption options[] = {
    {"max-size", 0, CCB_OPT_SIZE, &opts.max_size, "SIZE",
     "gc: remove the least recently used beyond this size, as 500M or 20G"},
    {"max-age", 0, CCB_OPT_NUMBER, &opts.max_age, "DAYS",
     "gc: remove what was not used for so long"},
    {"dry-run", 0, CCB_OPT_FLAG, &opts.dry_run, NULL, "gc, rm: only say what would be removed"},
    {"all", 'a', CCB_OPT_FLAG, &opts.all, NULL, "ls: every layer of the images, too"},
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "ls: how it is printed (text)"),
    {0},
};

/* --- ls */

enum { NAME_MIN = 20, BESIDE_NAME = 42 /* the other columns of a row */ };

/* Columns that names may take: with the others they fit a terminal, or 80 columns. */
static int name_columns(void)
{
    return MAX((int)ccb_terminal_columns(STDOUT_FILENO) - BESIDE_NAME, NAME_MIN);
}

/* `layers` 0: not shown. */
static void print_row(const char *name, guint layers, uint64_t bytes, int64_t used, bool in_use)
{
    int width = name_columns();
    g_autofree char *size = ccb_format_size(bytes);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(used);
    g_autofree char *when = g_date_time_format(time, "%F %R");
    g_autofree char *count = layers > 0 ? g_strdup_printf("%u", layers) : g_strdup("");
    glong length = g_utf8_strlen(name, -1);
    g_autofree char *start = length > width ? g_utf8_substring(name, 0, width - 3) : NULL;
    printf("%s%s%*s %6s %9s  %s%s\n", start ? start : name, start ? "..." : "",
           length < width ? (int)(width - length) : 0, "", count, size, when,
           in_use ? "  in use" : "");
}

/* Layers of an image that no row before has: they are used by several images, and counted once. */
typedef struct {
    guint all, used;
    uint64_t own; /* bytes */
} Chain;

static Chain read_chain(const CcbInventory *inventory, const CcbItem *top, GHashTable *seen)
{
    Chain chain = {0};
    for (const CcbItem *item = top; item != NULL && item->layer != NULL; item = item->below) {
        if (chain.all++ > inventory->items->len)
            break; /* damaged descriptions may go round in circles */
        chain.used += ccb_item_is_used(inventory, item);
        if (g_hash_table_add(seen, (gpointer)item))
            chain.own += item->size;
    }
    return chain;
}

static void print_layers(const CcbInventory *inventory, const CcbItem *top, GHashTable *printed)
{
    for (const CcbItem *item = top; item != NULL && item->layer != NULL; item = item->below) {
        if (!g_hash_table_add(printed, (gpointer)item))
            break; /* all below it, too */
        g_autofree char *row = g_strdup_printf("    %.12s  %s", item->key,
                                               item->layer->step ? item->layer->step : "?");
        print_row(row, 0, item->size, item->used, ccb_item_is_used(inventory, item));
    }
}

/* The images whose layers are in the cache, by recipe: a layer without one above it is the last step of an image. */
static void print_images(const CcbInventory *inventory)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) printed = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
    const GPtrArray *items = inventory->items;
    for (guint i = items->len; i-- > 0;) {
        const CcbItem *first = items->pdata[i];
        const char *recipe = first->layer == NULL           ? NULL
                             : first->layer->recipe != NULL ? first->layer->recipe
                                                            : "(unknown recipe)";
        if (recipe == NULL || first->above > 0 || !g_hash_table_add(done, (gpointer)recipe))
            continue;
        printf("%s\n", recipe);
        for (guint j = i + 1; j-- > 0;) {
            const CcbItem *top = items->pdata[j];
            if (top->layer == NULL || top->above > 0 ||
                g_strcmp0(top->layer->recipe, first->layer->recipe) != 0)
                continue;
            Chain chain = read_chain(inventory, top, seen);
            g_autofree char *name =
                g_strdup_printf("  %s (to %s)", top->layer->image ? top->layer->image : "?",
                                top->layer->step ? top->layer->step : "?");
            print_row(name, chain.all, chain.own, top->used, chain.used > 0);
            if (opts.all)
                print_layers(inventory, top, printed);
        }
    }
}

/* Names beside what is there by its key alone; caller frees. */
static char *item_name(const CcbItem *item)
{
    const CcbObject *object = item->object;
    if (item->layer != NULL)
        return g_strdup_printf("%.12s  layer %s of %s", item->key,
                               item->layer->step ? item->layer->step : "?",
                               item->layer->recipe ? item->layer->recipe : "an unknown recipe");
    if (object == NULL)
        return g_strdup_printf("%.12s  built files", item->key);
    return g_strdup_printf("%.12s  %s%s", item->key, object->name ? object->name : "?",
                           object->is_partial ? " (unfinished)" : "");
}

static void print_kind(const CcbInventory *inventory, CcbItemKind kind, const char *heading)
{
    const GPtrArray *items = inventory->items;
    for (guint i = items->len, printed = 0; i-- > 0;) {
        const CcbItem *item = items->pdata[i];
        if (item->kind != kind)
            continue;
        if (printed++ == 0)
            printf("%s\n", heading);
        g_autofree char *name = item_name(item);
        g_autofree char *row = g_strconcat("  ", name, NULL);
        print_row(row, 0, item->size, item->used, ccb_item_is_used(inventory, item));
    }
}

static char *total(const CcbInventory *inventory)
{
    g_autofree char *size = ccb_format_size(inventory->size);
    guint layers = inventory->layers->len, built = inventory->built->len,
          objects = inventory->objects->len;
    return g_strdup_printf("%u %s, %u %s of built files, %u %s: %s", layers,
                           ccb_plural(layers, "layer", "layers"), built,
                           ccb_plural(built, "set", "sets"), objects,
                           ccb_plural(objects, "download", "downloads"), size);
}

static json_t *to_json(const CcbInventory *inventory)
{
    json_t *lists[] = {[CCB_ITEM_LAYER] = json_array(),
                       [CCB_ITEM_BUILT] = json_array(),
                       [CCB_ITEM_DOWNLOAD] = json_array()};
    for (guint i = inventory->items->len; i-- > 0;) {
        const CcbItem *item = inventory->items->pdata[i];
        const CcbLayer *layer = item->layer;
        json_t *row =
            json_pack("{s:s, s:I, s:I, s:b}", "key", item->key, "size", (json_int_t)item->size,
                      "used", (json_int_t)item->used, "in_use", ccb_item_is_used(inventory, item));
        if (layer != NULL)
            json_object_update_new(row, json_pack("{s:s?, s:s?, s:s?, s:s?}", "step", layer->step,
                                                  "recipe", layer->recipe, "image", layer->image,
                                                  "parent", layer->parent));
        if (item->object != NULL)
            json_object_update_new(row, json_pack("{s:s?, s:b, s:b}", "name", item->object->name,
                                                  "unfinished", item->object->is_partial, "is_base",
                                                  item->above > 0));
        json_array_append_new(lists[item->kind], row);
    }
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "directory", ccb_cache_dir(), "size",
                     (json_int_t)inventory->size, "layers", lists[CCB_ITEM_LAYER], "built",
                     lists[CCB_ITEM_BUILT], "downloads", lists[CCB_ITEM_DOWNLOAD]);
}

static bool list(G_GNUC_UNUSED const char *what, GError **error)
{
    g_autoptr(CcbInventory) inventory = ccb_inventory_new(error);
    if (inventory == NULL)
        return false;
    if (g_str_equal(opts.format, "json")) {
        json_auto_t *json = to_json(inventory);
        ccb_autofree char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
        printf("%s\n", text);
        return true;
    }
    if (inventory->items->len > 0)
        printf("%-*s %6s %9s  %s\n", name_columns(), "", "LAYERS", "SIZE", "LAST USED");
    print_images(inventory);
    print_kind(inventory, CCB_ITEM_DOWNLOAD, "downloads");
    print_kind(inventory, CCB_ITEM_BUILT, "built files");
    g_autofree char *all = total(inventory);
    printf("%s, in %s\n", all, ccb_cache_dir());
    return true;
}

/* --- gc, rm */

static void print_removed(const CcbItem *item)
{
    g_autofree char *name = item_name(item);
    print_row(name, 0, item->size, item->used, false);
}

static bool collect(CcbCollectBounds *bounds, GError **error)
{
    CcbCollected result;
    g_autoptr(CcbInventory) inventory = ccb_inventory_new(error);
    if (inventory == NULL)
        return false;
    bounds->dry_run = opts.dry_run;
    bounds->each = opts.dry_run ? print_removed : NULL;
    if (!ccb_cache_collect(inventory, bounds, &result)) {
        ccb_fail(error, CCB_ERR_USAGE,
                 "cache rm: nothing in the cache is of recipe %s or has such a key", bounds->what);
        return ccb_hint(error, "`ccbake cache ls` shows recipes and keys");
    }
    g_autofree char *freed = ccb_format_size(result.freed);
    printf("%s %u (%s), %s %u, %u of them in use\n", opts.dry_run ? "would remove" : "removed",
           result.removed, freed, opts.dry_run ? "keep" : "kept", result.kept, result.in_use);
    return true;
}

static bool collect_beyond(G_GNUC_UNUSED const char *what, GError **error)
{
    enum { DAY_S = 24 * 3600 };
    if (opts.max_size == NO_SIZE && opts.max_age == NO_AGE)
        return ccb_fail(error, CCB_ERR_USAGE, "cache gc: give a bound, --max-size or --max-age");
    CcbCollectBounds bounds = {.max_bytes = opts.max_size, .max_age_s = INT64_MAX};
    if (opts.max_age != NO_AGE)
        bounds.max_age_s = (int64_t)opts.max_age * DAY_S;
    return collect(&bounds, error);
}

static bool remove_named(const char *what, GError **error)
{
    CcbCollectBounds bounds = {.what = what};
    return collect(&bounds, error);
}

/* --- verify */

static bool verify(G_GNUC_UNUSED const char *what, GError **error)
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
        bool (*act)(const char *what, GError **error);
        bool takes_what;
    } actions[] = {{"ls", list, false},
                   {"gc", collect_beyond, false},
                   {"rm", remove_named, true},
                   {"verify", verify, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(argv[0], actions[i].name) != 0)
            continue;
        if (actions[i].takes_what != (argc == 2))
            return ccb_fail(error, CCB_ERR_USAGE,
                            actions[i].takes_what
                                ? "cache %s: name a recipe, or the key of a layer or download"
                                : "cache %s takes no other word",
                            argv[0]);
        return actions[i].act(argc == 2 ? argv[1] : NULL, error);
    }
    return ccb_fail(error, CCB_ERR_USAGE, "cache %s: expected ls, gc, rm or verify", argv[0]);
}

const CcbVerb ccb_verb_cache = {
    .name = "cache",
    .arguments = "ls|gc|rm|verify [NAME]",
    .summary = "list, bound or check what bakes left in the cache",
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
