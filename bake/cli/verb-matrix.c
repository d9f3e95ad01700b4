/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each image is baked by a ccbake of its own.  Images share layers through the cache: the first that
 * needs a layer makes it, and the others wait for it.  The children report by --progress=json; this
 * process shows their progress, a line for each image.
 */
#include "cli/verb-matrix.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "emit/format.h"
#include "host/freespace.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/space.h"

/* The peak of a bake, without the page cache: a compiler on each core, or the appliance. */
#define MEMORY_BYTES (2ull << 30)

typedef struct {
    guint index;
    char *label;     /* "driver=570.148.08" */
    char *path;      /* of the image */
    GPtrArray *argv; /* char *, NULL-terminated */
    gint64 started;  /* 0: not yet */
    double seconds;
    char *result; /* "baked", "current"; NULL: neither */
    char *why;    /* the first line of its error; NULL: none */
    int exit_code;
} Image;

static void image_free(void *data)
{
    Image *image = data;
    g_free(image->label);
    g_free(image->path);
    g_ptr_array_unref(image->argv);
    g_free(image->result);
    g_free(image->why);
    g_free(image);
}

/* --- Before anything is baked */

static GPtrArray *build_argv(const CcbMatrixOptions *o, char *const *entry, const char *path)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    ccb_argv_add(argv, "/proc/self/exe", "bake", NULL);
    ccb_options_to_argv(o->table, argv);
    ccb_argv_add(argv, "--progress=json", NULL);
    for (; *entry != NULL; entry++)
        g_ptr_array_add(argv, g_strconcat("--set=", *entry, NULL));
    g_ptr_array_add(argv, g_strconcat("--output=", path, NULL));
    ccb_argv_add(argv, "--", o->recipe_path, NULL);
    g_ptr_array_add(argv, NULL);
    return argv;
}

/* The space that all images need together, for layers that the cache does not have yet.  Bytes. */
typedef struct {
    CcbStore *store;
    GHashTable *keys; /* of the layers that are counted */
    uint64_t outputs, layers;
    uint64_t bake; /* beside the layers, while an image is baked; the most that one takes */
} Needs;

static void needs_clear(Needs *needs)
{
    ccb_store_free(needs->store);
    g_hash_table_unref(needs->keys);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Needs, needs_clear)

static bool add_needs(const CcbMatrixOptions *o, Needs *needs, const CcbLoaded *loaded,
                      const char *path, GError **error)
{
    const CcbPlan *plan = loaded->plan;
    g_auto(GStrv) keys = ccb_chain_keys(plan, error);
    if (keys == NULL)
        return false;
    guint first = ccb_chain_cached((const char *const *)keys);
    for (guint i = first; i < plan->steps->len; i++) /* a layer that images share counts once */
        if (g_hash_table_add(needs->keys, g_strdup(keys[i])))
            needs->layers += ccb_step_space(plan->steps->pdata[i]).image;
    CcbSpace to_run = ccb_plan_space(plan, first);
    uint64_t disk =
        o->backend == CCB_BACKEND_APPLIANCE ? ccb_space_of_payload_disk(plan, first) : 0;
    needs->bake = MAX(needs->bake, to_run.scratch + to_run.image + disk);
    if (g_file_test(path, G_FILE_TEST_EXISTS)) /* current, or its bake will refuse it */
        return true;
    g_autoptr(CcbFacts) base = ccb_plan_known_base(plan, needs->store);
    needs->outputs += g_strv_length(loaded->recipe->formats) * ccb_space_of_output(plan, base);
    return true;
}

static bool add_image(const CcbMatrixOptions *o, GPtrArray *images, char *const *entry,
                      Needs *needs, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    if (!ccb_load_entry(o->recipe_path, o->load, entry, &loaded, error) ||
        !ccb_plan_require_pins(loaded.plan, error) || !ccb_plan_check_local(loaded.plan, error))
        return false;
    g_autofree char *name = ccb_emit_file_name(loaded.recipe);
    bool here = strcmp(o->directory, ".") == 0;
    Image *image = g_new0(Image, 1);
    image->index = images->len;
    image->label = ccb_matrix_label(entry);
    image->path = here ? g_strdup(name) : g_build_filename(o->directory, name, NULL);
    image->argv = build_argv(o, entry, image->path);
    g_ptr_array_add(images, image);
    return add_needs(o, needs, &loaded, image->path, error);
}

static bool check_space(const CcbMatrixOptions *o, const Needs *needs, guint at_a_time,
                        GError **error)
{
    const CcbSpaceNeed all[] = {
        {"all images", o->directory, needs->outputs},
        {"their bakes", ccb_cache_dir(), needs->layers + at_a_time * needs->bake},
    };
    return ccb_space_check_needs(all, G_N_ELEMENTS(all), error);
}

/* --- While they are baked */

static bool has_board; /* on a terminal; elsewhere the end of each activity is a line */

static const char *get_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

/* Shows what a child does: on the board, "driver=570.148.08  45%  about 1 min 10 s left  7/9
 * nvidia-driver: install ..."; elsewhere, what has ended, and what takes long. */
static void show_activity(const Image *image, const char *kind, const json_t *event)
{
    const json_t *left = json_object_get(event, "left_s");
    const char *tag = get_text(event, "tag"), *what = get_text(event, "what");
    g_autofree char *took =
        ccb_format_seconds(json_number_value(json_object_get(event, "seconds")));
    if (has_board) {
        double percent = 100 * json_number_value(json_object_get(event, "fraction"));
        g_autofree char *time = ccb_format_seconds((double)(int)(json_number_value(left) + 0.5));
        g_autofree char *about =
            left != NULL ? g_strdup_printf("  about %s left", time) : g_strdup("");
        g_autofree char *line =
            g_strdup_printf("%s  %3.0f%%%s  %s %s", image->label, percent, about, tag, what);
        ccb_progress_board_set(image->index, line);
    } else if (strcmp(kind, "end") == 0) {
        bool cached = json_is_true(json_object_get(event, "cached"));
        ccb_progress_line("%s  %-8s %s  %s", image->label, tag, what, cached ? "(cached)" : took);
    } else if (strcmp(kind, "heartbeat") == 0) {
        ccb_progress_line("%s  %-8s %s: still running after %s", image->label, tag, what, took);
    }
}

/* A line of a child's output: an event. */
static void on_line(const char *line, void *data)
{
    Image *image = data;
    if (image->started == 0)
        image->started = g_get_monotonic_time();
    bool forwarded = ccb_progress_forward(image->label, line);
    json_auto_t *event = json_loads(line, 0, NULL);
    if (!json_is_object(event))
        return;
    const char *kind = get_text(event, "event"), *text = get_text(event, "text");
    if (strcmp(kind, "error") == 0) {
        g_free(image->why);
        image->why = g_strndup(text, strcspn(text, "\n"));
    } else if (strcmp(kind, "result") == 0) {
        g_free(image->result);
        image->result = g_strdup(get_text(event, "result"));
    }
    if (forwarded)
        return;
    if (strcmp(kind, "warning") == 0)
        ccb_warn("%s: %s", image->label, text);
    else if (strcmp(kind, "output") == 0)
        ccb_progress_line("%s  | %s", image->label, text);
    else if (strcmp(kind, "debug") == 0)
        ccb_progress_line("debug: %s: %.1f ms %s", image->label,
                          json_number_value(json_object_get(event, "ms")), text);
    else if (json_object_get(event, "what") != NULL)
        show_activity(image, kind, event);
}

static const char *why_failed(const Image *image)
{
    return image->why ? image->why : "it was killed";
}

static void on_end(const CcbProcess *process)
{
    Image *image = process->data;
    image->exit_code = process->ret_status;
    if (image->started > 0)
        image->seconds = (double)(g_get_monotonic_time() - image->started) / G_USEC_PER_SEC;
    g_autofree char *took = ccb_format_seconds(image->seconds);
    g_autofree char *line =
        image->exit_code == 0
            ? g_strdup_printf("%s  %s in %s", image->label, image->result, took)
            : g_strdup_printf("%s  FAILED after %s: %s", image->label, took, why_failed(image));
    ccb_progress_board_set(image->index, line);
    if (!has_board)
        ccb_progress_line("%s", line);
}

static bool run_all(GPtrArray *images, guint at_a_time, GError **error)
{
    g_autofree CcbProcess *processes = g_new0(CcbProcess, images->len);
    for (guint i = 0; i < images->len; i++) {
        Image *image = images->pdata[i];
        processes[i].argv = (const char *const *)image->argv->pdata;
        processes[i].whole_environment = true;
        processes[i].on_line = on_line;
        processes[i].data = image;
    }
    ccb_progress_line("%-8s %u %s, %u at a time", "matrix", images->len,
                      ccb_plural(images->len, "image", "images"), at_a_time);
    has_board = ccb_progress_board(images->len);
    for (guint i = 0; i < images->len; i++)
        ccb_progress_board_set(i, ((Image *)images->pdata[i])->label);
    bool ok = ccb_process_run_all(processes, images->len, at_a_time, on_end, error);
    ccb_progress_board(0);
    return ok;
}

/* --- Afterwards */

static bool summarize(const GPtrArray *images, GError **error)
{
    int width = 0, code = 0;
    guint failed = 0;
    for (guint i = 0; i < images->len; i++)
        width = MAX(width, (int)strlen(((Image *)images->pdata[i])->label));
    for (guint i = 0; i < images->len; i++) {
        const Image *image = images->pdata[i];
        g_autofree char *took = ccb_format_seconds(image->seconds);
        if (image->exit_code == 0) {
            printf("%-*s  %-8s %12s  %s\n", width, image->label, image->result, took, image->path);
            continue;
        }
        printf("%-*s  FAILED %d %11s  %s\n", width, image->label, image->exit_code, took,
               why_failed(image));
        if (failed++ == 0)
            code = image->exit_code;
    }
    return failed == 0 || ccb_fail(error, (CcbErrorCode)code, "%u of %u %s failed", failed,
                                   images->len, ccb_plural(images->len, "image", "images"));
}

bool ccb_matrix_bake(const CcbMatrixOptions *o, GError **error)
{
    g_auto(Needs) needs = {.keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(image_free);
    g_autoptr(GPtrArray) entries = ccb_load_matrix(o->recipe_path, o->load, error);
    if (entries == NULL)
        return false;
    if (entries->len == 1 && ((char **)entries->pdata[0])[0] == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "--matrix: %s has no matrix", o->recipe_path);
    needs.store = ccb_plan_store(error);
    if (needs.store == NULL)
        return false;
    for (guint i = 0; i < entries->len; i++)
        if (!add_image(o, images, entries->pdata[i], &needs, error))
            return false;
    if (!ccb_mkdirs(o->directory, error))
        return false;
    /* As many at a time as cores, memory and disk allow. */
    uint64_t most = MIN(g_get_num_processors(), ccb_available_memory() / MEMORY_BYTES);
    guint n = (guint)CLAMP(o->at_a_time > 0 ? o->at_a_time : most, 1, images->len);
    while (n > 1 && o->at_a_time == 0 && !check_space(o, &needs, n, NULL))
        n--;
    return check_space(o, &needs, n, error) && run_all(images, n, error) &&
           summarize(images, error);
}
