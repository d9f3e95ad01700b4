/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/planned.h"

#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "change/predict.h"
#include "cli/open-image.h"
#include "layer/chain.h"
#include "plan/space.h"

enum { MOST_UNKNOWN = 30, MOST_UNKNOWN_IN_LINE = 5 };

static void step_free(gpointer data)
{
    CcbPlannedStep *step = data;
    ccb_diff_free(step->diff);
    g_ptr_array_unref(step->changes);
    g_ptr_array_unref(step->unknown);
    g_ptr_array_unref(step->failures);
    g_free(step);
}

void ccb_planned_free(CcbPlanned *planned)
{
    if (planned == NULL)
        return;
    ccb_diff_free(planned->exact);
    g_ptr_array_unref(planned->steps);
    g_clear_pointer(&planned->foreseen, g_ptr_array_unref);
    g_free(planned);
}

static const CcbStep *step_at(const CcbPlan *plan, guint index)
{
    return plan->steps->pdata[index];
}

typedef struct {
    CcbPlanned *planned;
    const CcbPlannedOptions *options;
} Request;

/* Whether nobody knows what the step brings, so that what is missing may come with it.  Packages of repositories bring
 * units of the GPU only if they are NVIDIA's. */
static bool brings_anything(const CcbStep *step, const GPtrArray *changes)
{
    const CcbStepKind *kind = step->kind;
    if (kind->may_change_files || kind->brings_anything || kind->changes == NULL ||
        step->unresolved)
        return true;
    for (guint i = 0; kind->resolve != NULL && i < changes->len; i++) {
        const CcbChange *c = changes->pdata[i];
        if (c->op == CCB_CHANGE_PACKAGE && strstr(c->value, "nvidia") != NULL)
            return true;
    }
    return false;
}

/* After commands of the recipe a failure is not sure any more, and so a thing that only the bake will show. */
static void doubt_failures(CcbPlannedStep *planned)
{
    for (guint i = 0; i < planned->failures->len; i++) {
        g_auto(GStrv) lines = g_strsplit(planned->failures->pdata[i], "\n", 2);
        ccb_change_unknown(planned->unknown, NULL, "the bake may fail here: %s", lines[0]);
    }
    g_ptr_array_set_size(planned->failures, 0);
}

/* Predicts the steps that are not cached, and what the checks will find then.  `image` and `guest`: what the first of them
 * begins with; NULL: not at hand.  `data`: Request. */
static bool predict(const CcbSnapshot *image, CcbGuest *guest, void *data, GError **error)
{
    const Request *request = data;
    const CcbPlannedOptions *o = request->options;
    bool is_open = false, any_command = false;
    g_autoptr(CcbPrediction) prediction = ccb_prediction_new(image, guest);
    for (guint i = request->planned->cached; i < o->plan->steps->len; i++) {
        const CcbStep *step = step_at(o->plan, i);
        const CcbStepContext context = {.recipe = o->plan->recipe,
                                        .expect = &o->plan->expect,
                                        .facts = ccb_prediction_facts(prediction),
                                        .key = o->keys != NULL ? o->keys[i] : NULL};
        g_autoptr(GPtrArray) changes = ccb_changes_new();
        if (step->unresolved)
            ccb_change_unknown(changes, NULL, "files that the lock will name (ccbake lock)");
        if (step->kind->changes == NULL)
            ccb_change_unknown(changes, NULL,
                               "what it does: a step of this kind can't tell before");
        else if (!step->kind->changes(&context, step, changes, error))
            return false;
        g_autofree char *name = g_strconcat("step ", step->id, NULL);
        CcbPlannedStep *planned = g_new0(CcbPlannedStep, 1);
        planned->changes = g_ptr_array_ref(changes);
        planned->unknown = ccb_changes_new();
        planned->failures = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(request->planned->steps, planned);
        planned->diff =
            ccb_predict(prediction, name, changes, planned->unknown, planned->failures, error);
        if (planned->diff == NULL)
            return false;
        is_open |= brings_anything(step, changes);
        any_command |= step->kind->may_change_files;
        if (any_command)
            doubt_failures(planned);
    }
    const CcbForesight known = {
        .guest = ccb_prediction_guest(prediction),
        .facts = ccb_prediction_facts(prediction),
        .expect = &o->plan->expect,
        .has_base = image != NULL && image->facts != NULL,
        .has_files = image != NULL && image->entries->len > 0,
        .is_open = is_open,
    };
    request->planned->foreseen = ccb_check_foresee(&known, error);
    return request->planned->foreseen != NULL;
}

/* Compares the base with the last layer in the cache, if there is one, and predicts the steps after it. */
static bool read_images(Request *request, GError **error)
{
    const CcbPlannedOptions *o = request->options;
    const CcbLayerBase link = {o->base->path, o->base->format, o->base->sha256};
    g_auto(CcbChain) chain = {0};
    g_autoptr(CcbSnapshot) a = NULL;
    g_autoptr(CcbSnapshot) b = NULL;
    if (o->keys != NULL && ccb_chain_cached(o->keys) > 0 &&
        (!ccb_layer_link_base(&link, error) ||
         !ccb_chain_begin(o->plan, o->keys, o->plan->steps->len, &chain, error)))
        return false;
    request->planned->cached = chain.first;
    request->planned->is_compared = true;
    CcbBackend backend = ccb_open_backend(o->backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    CcbReading base = {.path = o->base->path, .snapshot = &a};
    if (chain.top == NULL) {
        base.then = predict;
        base.data = request;
        return ccb_read_image(backend, &base, error);
    }
    g_autofree char *name = g_strconcat("layer ", chain.top->step, NULL);
    const CcbReading layer = {.path = chain.top->path,
                              .format = "qcow2",
                              .name = name,
                              .snapshot = &b,
                              .then = predict,
                              .data = request};
    if (o->only_predict)
        return ccb_read_image(backend, &layer, error);
    if (!ccb_read_images(backend, &base, &layer, error))
        return false;
    request->planned->exact = ccb_diff_new(a, b);
    return true;
}

CcbPlanned *ccb_planned_new(const CcbPlannedOptions *o, GError **error)
{
    g_autoptr(CcbPlanned) planned = g_new0(CcbPlanned, 1);
    Request request = {planned, o};
    planned->steps = g_ptr_array_new_with_free_func(step_free);
    if (o->base != NULL && o->backend != NULL)
        return read_images(&request, error) ? g_steal_pointer(&planned) : NULL;
    g_autoptr(CcbSnapshot) known =
        o->base != NULL ? ccb_snapshot_new("base", ccb_facts_copy(o->base), NULL) : NULL;
    return predict(known, NULL, &request, error) ? g_steal_pointer(&planned) : NULL;
}

/* --- for people */

static char *unknown_text(const CcbChange *unknown)
{
    g_autofree char *path = unknown->path != NULL ? ccb_name_printable(unknown->path) : NULL;
    g_autofree char *what = ccb_name_printable(unknown->value);
    return g_strconcat(path != NULL ? path : "", path != NULL ? ": " : "", what, NULL);
}

static void add_count(GPtrArray *parts, guint count, const char *one, const char *several)
{
    if (count > 0)
        g_ptr_array_add(parts, g_strdup_printf("%u %s", count, ccb_plural(count, one, several)));
}

static void add_arguments(GPtrArray *parts, char sign, char **arguments)
{
    for (; *arguments != NULL; arguments++) {
        g_autofree char *argument = ccb_name_printable(*arguments);
        g_ptr_array_add(parts, g_strdup_printf("%c%s", sign, argument));
    }
}

char *ccb_planned_summary(const CcbPlanned *planned, guint index)
{
    const CcbPlannedStep *step = planned->steps->pdata[index];
    const CcbDiff *diff = step->diff;
    guint files = diff->files->len;
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < diff->directories->len; i++)
        files += ((const CcbDiffDirectory *)diff->directories->pdata[i])->added;
    add_count(parts, files, "file", "files");
    if (diff->boot->len > 0) { /* a step changes the arguments of every entry alike */
        const CcbDiffBoot *boot = diff->boot->pdata[0];
        add_arguments(parts, '-', boot->removed);
        add_arguments(parts, '+', boot->added);
    }
    add_count(parts, diff->units->len, "unit or link", "units or links");
    add_count(parts, diff->packages->len, "package", "packages");
    add_count(parts, diff->modules->len, "module", "modules");
    for (guint i = 0; i < MIN(step->unknown->len, MOST_UNKNOWN_IN_LINE); i++) {
        g_autofree char *what = unknown_text(step->unknown->pdata[i]);
        g_ptr_array_add(parts, g_strconcat("? ", what, NULL));
    }
    if (step->unknown->len > MOST_UNKNOWN_IN_LINE)
        g_ptr_array_add(parts, g_strdup_printf("? %u more: --diff lists them",
                                               step->unknown->len - MOST_UNKNOWN_IN_LINE));
    if (parts->len == 0)
        return g_strdup("nothing");
    g_ptr_array_add(parts, NULL);
    return g_strjoinv(", ", (char **)parts->pdata);
}

void ccb_planned_print(const CcbPlanned *planned, const CcbPlan *plan, FILE *out)
{
    fprintf(out,
            "\nchange to the base: + added, - removed, ~ changed, ? only the bake will show\n");
    if (!planned->is_compared)
        fprintf(out, "The base is not at hand: all that is written counts as added.\n");
    for (guint i = 0; i < planned->cached; i++)
        fprintf(out, "step %-3u %-18s cached: exact\n", i + 1, step_at(plan, i)->id);
    if (planned->exact != NULL) {
        g_autofree char *text = ccb_diff_to_text(planned->exact);
        fputs(text, out);
    }
    for (guint i = 0; i < planned->steps->len; i++) {
        const CcbPlannedStep *change = planned->steps->pdata[i];
        const CcbStep *step = step_at(plan, planned->cached + i);
        uint64_t bytes = ccb_step_space(step).image;
        g_autofree char *size = ccb_format_size(bytes);
        g_autofree char *text = ccb_diff_body_to_text(change->diff);
        guint unknown = change->unknown->len;
        fprintf(out, "\nstep %-3u %-18s not cached: declared", planned->cached + i + 1, step->id);
        if (bytes > 0)
            fprintf(out, ", about %s more in the image", size);
        putc('\n', out);
        if (!ccb_diff_is_empty(change->diff) || unknown == 0)
            fputs(text, out);
        for (guint j = 0; j < MIN(unknown, MOST_UNKNOWN); j++) {
            g_autofree char *what = unknown_text(change->unknown->pdata[j]);
            fprintf(out, "  ? %s\n", what);
        }
        if (unknown > MOST_UNKNOWN)
            fprintf(out, "  ... %u more\n", unknown - MOST_UNKNOWN);
    }
}

/* --- for programs */

void ccb_planned_step_to_json(const CcbPlanned *planned, guint index, json_t *step)
{
    bool is_exact = index < planned->cached;
    json_object_set_new(step, "basis", json_string(is_exact ? "exact" : "declared"));
    if (is_exact)
        return;
    const CcbPlannedStep *change = planned->steps->pdata[index - planned->cached];
    json_t *unknown = json_array();
    for (guint i = 0; i < change->unknown->len; i++) {
        const CcbChange *item = change->unknown->pdata[i];
        g_autofree char *path = item->path != NULL ? ccb_name_printable(item->path) : NULL;
        g_autofree char *what = ccb_name_printable(item->value);
        json_array_append_new(unknown, json_pack("{s:s?, s:s}", "path", path, "what", what));
    }
    json_object_set_new(step, "diff", ccb_diff_to_json(change->diff));
    json_object_set_new(step, "unknown", unknown);
}
