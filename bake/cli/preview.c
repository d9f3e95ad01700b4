/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preview.h"

#include <stdio.h>

#include "base/quantity.h"
#include "base/text.h"
#include "change/predict.h"
#include "cli/open-image.h"
#include "layer/chain.h"
#include "plan/space.h"

enum { MOST_UNKNOWN = 30 };

static void declared_free(gpointer data)
{
    CcbDeclared *declared = data;
    ccb_diff_free(declared->diff);
    g_ptr_array_unref(declared->unknown);
    g_free(declared);
}

void ccb_preview_free(CcbPreview *preview)
{
    if (preview == NULL)
        return;
    ccb_diff_free(preview->exact);
    g_ptr_array_unref(preview->declared);
    g_free(preview);
}

/* --- what the steps declare */

static const CcbStep *step_at(const CcbPlan *plan, guint index)
{
    return plan->steps->pdata[index];
}

static bool predict_step(CcbPreview *preview, CcbPrediction *prediction, const CcbPreviewOptions *o,
                         guint index, GError **error)
{
    const CcbStep *step = step_at(o->plan, index);
    const CcbStepContext context = {.recipe = o->plan->recipe,
                                    .expect = &o->plan->expect,
                                    .facts = ccb_prediction_facts(prediction),
                                    .key = o->keys != NULL ? o->keys[index] : NULL};
    g_autoptr(GPtrArray) changes = ccb_changes_new();
    if (step->unresolved)
        ccb_change_unknown(changes, NULL, "files that the lock will name (ccbake lock)");
    if (step->kind->changes == NULL)
        ccb_change_unknown(changes, NULL, "what it does: a step of this kind can't tell before");
    else if (!step->kind->changes(&context, step, changes, error))
        return false;
    g_autofree char *name = g_strconcat("step ", step->id, NULL);
    CcbDeclared *declared = g_new0(CcbDeclared, 1);
    declared->unknown = ccb_changes_new();
    g_ptr_array_add(preview->declared, declared);
    declared->diff = ccb_predict(prediction, name, changes, declared->unknown, error);
    return declared->diff != NULL;
}

/* `image` and `guest`: what the first step that is not cached begins with; NULL: not at hand. */
static bool predict(CcbPreview *preview, const CcbPreviewOptions *o, const CcbSnapshot *image,
                    CcbGuest *guest, GError **error)
{
    g_autoptr(CcbPrediction) prediction = ccb_prediction_new(image, guest);
    for (guint i = preview->cached; i < o->plan->steps->len; i++)
        if (!predict_step(preview, prediction, o, i, error))
            return false;
    return true;
}

/* --- what the images tell */

typedef struct {
    CcbPreview *preview;
    const CcbPreviewOptions *options;
} Predicting;

static bool predict_on(const CcbSnapshot *image, CcbGuest *guest, void *data, GError **error)
{
    const Predicting *what = data;
    return predict(what->preview, what->options, image, guest, error);
}

/* The longest chain that the cache has whole. */
static bool begin_chain(const CcbPreviewOptions *o, CcbChain *ret, GError **error)
{
    const CcbLayerBase base = {o->base->path, o->base->format, o->base->sha256};
    if (o->keys == NULL || ccb_chain_cached(o->keys) == 0)
        return true;
    return ccb_layer_link_base(&base, error) && ccb_chain_begin(o->plan, o->keys, NULL, ret, error);
}

static bool compare(const CcbPreviewOptions *o, const CcbLayer *top, CcbPreview *preview,
                    CcbBackend backend, GError **error)
{
    g_autoptr(CcbSnapshot) a = NULL;
    g_autoptr(CcbSnapshot) b = NULL;
    Predicting predicting = {preview, o};
    CcbReading base = {.path = o->base->path, .snapshot = &a};
    if (top == NULL) {
        base.then = predict_on;
        base.data = &predicting;
        return ccb_read_image(backend, &base, error);
    }
    g_autofree char *name = g_strconcat("layer ", top->step, NULL);
    const CcbReading layer = {.path = top->path,
                              .format = "qcow2",
                              .name = name,
                              .snapshot = &b,
                              .then = predict_on,
                              .data = &predicting};
    if (!ccb_read_images(backend, &base, &layer, error))
        return false;
    preview->exact = ccb_diff_new(a, b);
    return true;
}

/* From what is known of the base, if anything is. */
static bool declare_all(const CcbPreviewOptions *o, CcbPreview *preview, GError **error)
{
    g_autoptr(CcbSnapshot) known =
        o->base != NULL ? ccb_snapshot_new("base", ccb_facts_copy(o->base), NULL) : NULL;
    return predict(preview, o, known, NULL, error);
}

static bool fill(const CcbPreviewOptions *o, CcbPreview *preview, GError **error)
{
    g_auto(CcbChain) chain = {0};
    if (o->base == NULL || o->backend == NULL)
        return declare_all(o, preview, error);
    if (!begin_chain(o, &chain, error))
        return false;
    preview->cached = chain.first;
    CcbBackend backend = ccb_open_backend(o->backend, error);
    preview->is_compared = true;
    return backend != CCB_BACKEND_AUTO && compare(o, chain.top, preview, backend, error);
}

CcbPreview *ccb_preview_new(const CcbPreviewOptions *o, GError **error)
{
    g_autoptr(CcbPreview) preview = g_new0(CcbPreview, 1);
    preview->declared = g_ptr_array_new_with_free_func(declared_free);
    return fill(o, preview, error) ? g_steal_pointer(&preview) : NULL;
}

/* --- for people */

static char *unknown_text(const CcbChange *item)
{
    g_autofree char *path = item->path != NULL ? ccb_name_printable(item->path) : NULL;
    g_autofree char *what = ccb_name_printable(item->value);
    return g_strconcat(path != NULL ? path : "", path != NULL ? ": " : "", what, NULL);
}

static void add_count(GString *text, guint count, const char *one, const char *several)
{
    if (count > 0)
        g_string_append_printf(text, "%s%u %s", text->len > 0 ? ", " : "", count,
                               count == 1 ? one : several);
}

static void add_arguments(GString *text, char sign, char **arguments)
{
    for (; arguments != NULL && *arguments != NULL; arguments++) {
        g_autofree char *argument = ccb_name_printable(*arguments);
        g_string_append_printf(text, "%s%c%s", text->len > 0 ? ", " : "", sign, argument);
    }
}

static void add_unknown(GString *text, const GPtrArray *unknown)
{
    g_autofree char *only = unknown->len == 1 ? unknown_text(unknown->pdata[0]) : NULL;
    if (only != NULL)
        g_string_append_printf(text, "%s? %s", text->len > 0 ? ", " : "", only);
    else if (unknown->len > 1)
        g_string_append_printf(text, "%s? %u things that only the bake will show",
                               text->len > 0 ? ", " : "", unknown->len);
}

static guint count_files(const CcbDiff *diff)
{
    guint count = diff->files->len;
    for (guint i = 0; i < diff->directories->len; i++)
        count += ((const CcbDiffDirectory *)diff->directories->pdata[i])->added;
    return count;
}

/* A step changes the arguments of every entry alike. */
char *ccb_preview_summary(const CcbPreview *preview, guint index)
{
    const CcbDeclared *declared = preview->declared->pdata[index];
    const CcbDiff *diff = declared->diff;
    GString *text = g_string_new(NULL);
    add_count(text, count_files(diff), "file", "files");
    if (diff->boot->len > 0) {
        const CcbDiffBoot *boot = diff->boot->pdata[0];
        add_arguments(text, '-', boot->removed);
        add_arguments(text, '+', boot->added);
    }
    add_count(text, diff->units->len, "unit or link", "units or links");
    add_count(text, diff->packages->len, "package", "packages");
    add_count(text, diff->modules->len, "module", "modules");
    add_unknown(text, declared->unknown);
    return g_string_free(text->len > 0 ? text : g_string_append(text, "nothing"), FALSE);
}

static void print_unknown(const GPtrArray *unknown)
{
    for (guint i = 0; i < MIN(unknown->len, MOST_UNKNOWN); i++) {
        g_autofree char *text = unknown_text(unknown->pdata[i]);
        printf("  ? %s\n", text);
    }
    if (unknown->len > MOST_UNKNOWN)
        printf("  ... %u more\n", unknown->len - MOST_UNKNOWN);
}

static void print_declared(const CcbDeclared *declared)
{
    g_autofree char *text = ccb_diff_body_to_text(declared->diff);
    if (!ccb_diff_is_empty(declared->diff) || declared->unknown->len == 0)
        fputs(text, stdout);
    print_unknown(declared->unknown);
}

static void print_heading(const CcbPlan *plan, guint index, const char *basis)
{
    const CcbStep *step = step_at(plan, index);
    CcbSpace space = ccb_step_space(step);
    g_autofree char *size = ccb_format_size(space.image);
    printf("\nstep %-3u %-18s %s", index + 1, step->id, basis);
    if (space.image > 0)
        printf(", about %s more in the image", size);
    putchar('\n');
}

void ccb_preview_print(const CcbPreview *preview, const CcbPlan *plan)
{
    printf("\nchange to the base: + added, - removed, ~ changed, ? only the bake will show\n");
    if (!preview->is_compared)
        printf("The base is not at hand: all that is written counts as added.\n");
    for (guint i = 0; i < preview->cached; i++)
        printf("step %-3u %-18s cached: exact\n", i + 1, step_at(plan, i)->id);
    if (preview->exact != NULL) {
        g_autofree char *text = ccb_diff_to_text(preview->exact);
        fputs(text, stdout);
    }
    for (guint i = 0; i < preview->declared->len; i++) {
        print_heading(plan, preview->cached + i, "not cached: declared");
        print_declared(preview->declared->pdata[i]);
    }
}

/* --- for programs */

static json_t *unknown_to_json(const GPtrArray *unknown)
{
    json_t *list = json_array();
    for (guint i = 0; i < unknown->len; i++) {
        const CcbChange *item = unknown->pdata[i];
        g_autofree char *path = item->path != NULL ? ccb_name_printable(item->path) : NULL;
        g_autofree char *what = ccb_name_printable(item->value);
        json_array_append_new(list, json_pack("{ss?ss}", "path", path, "what", what));
    }
    return list;
}

void ccb_preview_step_to_json(const CcbPreview *preview, guint index, json_t *step)
{
    bool is_exact = index < preview->cached;
    json_object_set_new(step, "basis", json_string(is_exact ? "exact" : "declared"));
    if (is_exact)
        return;
    const CcbDeclared *declared = preview->declared->pdata[index - preview->cached];
    json_object_set_new(step, "diff", ccb_diff_to_json(declared->diff));
    json_object_set_new(step, "unknown", unknown_to_json(declared->unknown));
}
