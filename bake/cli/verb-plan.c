/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake plan`: what a bake would do, and whether it could. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/outputs.h"
#include "cli/planned.h"
#include "cli/print-json.h"
#include "cli/problems.h"
#include "cli/report-data.h"
#include "cli/verbs.h"
#include "emit/format.h"
#include "emit/manifest.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "guest/backend.h"
#include "image/rpm.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/key.h"
#include "plan/space.h"

static CcbLoadOptions load;
static bool with_diff, with_matrix;
static const char *backend_name = "auto", *format = "text", *output;

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &output, "FILE",
     "as for bake: whether it is current is shown; the directory of a matrix"},
    {"matrix", 0, CCB_OPT_FLAG, &with_matrix, NULL, "a line for each image of the matrix"},
    CCB_LOAD_OPTIONS(load),
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|reader|appliance|host",
     "how the base is inspected the first time, and images for --diff"},
    CCB_DEBUG_OPTION,
    {"diff", 'd', CCB_OPT_FLAG, &with_diff, NULL, "show the change to the base, as a diff"},
    CCB_FORMAT_OPTIONS(format, "text|json", "how the plan is printed (text)"),
    CCB_PARANOID_OPTION,
    CCB_PROGRESS_OPTIONS,
    {0},
};

typedef struct {
    const CcbLoaded *loaded;
    char **keys; /* of the steps; NULL while something is not pinned */
    guint
        cached; /* steps before the end of the last layer in the cache: a layer may hold several */
    CcbStore *store;
    CcbFacts *facts;     /* NULL: the base is not at hand */
    GPtrArray *problems; /* CcbProblem */
    GPtrArray *formats;  /* of the outputs */
    char **paths;
    bool is_current; /* the outputs are there, and are what a bake would make */
    CcbPlanned *planned;
} View;

static void view_clear(View *view)
{
    ccb_planned_free(view->planned);
    ccb_facts_free(view->facts);
    g_clear_pointer(&view->problems, g_ptr_array_unref);
    g_clear_pointer(&view->formats, g_ptr_array_unref);
    g_strfreev(view->paths);
    ccb_store_free(view->store);
    g_strfreev(view->keys);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(View, view_clear)

/* The size that the lock has, or that of the file at hand; 0: not known. */
static uint64_t size_of(const View *view, const CcbPayload *p, bool *ret_at_hand)
{
    struct stat st;
    g_autofree char *path = ccb_payload_find(p, view->store);
    *ret_at_hand = path != NULL;
    return p->size == 0 && path != NULL && stat(path, &st) == 0 ? (uint64_t)st.st_size : p->size;
}

/* The base's facts, from the cache where it knows them. */
static bool find_facts(View *view, GError **error)
{
    g_autofree char *path = ccb_payload_find(view->loaded->plan->base, view->store);
    if (path == NULL)
        return true;
    view->facts = ccb_facts_cached(path, NULL);
    if (view->facts != NULL)
        return true;
    CcbBackend backend = ccb_open_backend(backend_name, error);
    view->facts = backend == CCB_BACKEND_AUTO ? NULL : ccb_facts_of_image(path, backend, error);
    return view->facts != NULL;
}

static bool is_right_base(const View *view)
{
    const char *wanted = view->loaded->plan->base->sha256;
    return view->facts != NULL && (wanted == NULL || strcmp(wanted, view->facts->sha256) == 0);
}

/* Local files that changed; and if none did, local files that are missing and will be needed. */
static bool check_local(const View *view, GError **error)
{
    const CcbPlan *plan = view->loaded->plan;
    if (!ccb_plan_check_local(plan, error))
        return false;
    if (view->facts != NULL && !is_right_base(view)) {
        ccb_fail(error, CCB_ERR_INPUT, "%s is damaged: its sha256 is %s", view->facts->path,
                 view->facts->sha256);
        return ccb_hint(error, "`ccbake fetch %s` gets it again", plan->recipe->path);
    }
    if (view->is_current)
        return true;
    g_autoptr(GPtrArray) needed = ccb_payloads_of(plan->steps, view->cached, plan->steps->len);
    g_ptr_array_insert(needed, 0, plan->base);
    return ccb_fetch_check_local(needed, view->store, error);
}

/* As the bake will check it, for an output that does not exist yet. */
static bool check_space(const View *view, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(view->paths[0]);
    bool exists = g_file_test(view->paths[0], G_FILE_TEST_EXISTS);
    CcbBakeSpace bake = {.plan = view->loaded->plan,
                         .base = view->facts,
                         .first = view->cached,
                         .directory = directory,
                         .outputs = exists ? 0 : view->formats->len};
    return ccb_backend_from_name(backend_name, &bake.backend, error) &&
           ccb_space_check(&bake, error);
}

/* All that is in the way of the bake, and not only the first of it. */
static void find_problems(View *view)
{
    const CcbPlan *plan = view->loaded->plan;
    GError *found[4] = {NULL};
    ccb_plan_require_pins(plan, &found[0]);
    check_local(view, &found[1]);
    if (view->facts)
        ccb_plan_check_base(plan, view->facts, &found[2]);
    check_space(view, &found[3]);
    for (size_t i = 0; i < G_N_ELEMENTS(found); i++)
        ccb_problems_add_error(view->problems, found[i]);
    ccb_problems_add_planned(view->problems, plan, view->planned);
}

static json_t *payload_to_json(const View *view, const CcbPayload *p)
{
    bool at_hand;
    json_int_t size = (json_int_t)size_of(view, p, &at_hand);
    g_autofree char *url = ccb_url_redact(p->urls[0]);
    return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:b}", "label", p->label, "name", p->name,
                     "sha256", p->sha256, "url", url, "size", size, "at_hand", (int)at_hand);
}

/* The path of the first line of `a`, changes as ccb_changes_to_json() has them, that `b` lacks; NULL: none. */
static const char *path_only_in(const json_t *a, const json_t *b)
{
    size_t i, j;
    json_t *line, *other;
    json_array_foreach(a, i, line)
    {
        bool found = false;
        json_array_foreach(b, j, other) found = found || json_equal(line, other);
        const char *path = json_string_value(json_array_get(line, 1));
        if (!found && path != NULL)
            return path;
    }
    return NULL;
}

/* What differs from the step's last layer, by the ingredients of its key (plan/key.h); NULL where nothing does.  Caller
 * frees. */
static char *what_changed(const json_t *now, const json_t *then)
{
    const char *key = NULL, *member;
    json_t *value;
    json_object_foreach((json_t *)now, member,
                        value) if (key == NULL && !json_equal(value, json_object_get(then, member)))
        key = member;
    json_object_foreach((json_t *)then, member,
                        value) if (key == NULL && json_object_get(now, member) == NULL) key =
        member;
    if (key == NULL)
        return NULL;
    if (strcmp(key, CCB_INGREDIENT_CHANGES) == 0) {
        const json_t *a = json_object_get(now, key), *b = json_object_get(then, key);
        const char *path = path_only_in(a, b);
        path = path != NULL ? path : path_only_in(b, a);
        return path != NULL ? g_strdup_printf("the file %s changed", path)
                            : g_strdup("what it does changed");
    }
    if (key[0] != '(')
        return g_strdup_printf("its setting %s changed", key);
    g_autofree char *name = g_strndup(key + 1, strlen(key) - 2);
    return strcmp(name, "version") == 0      ? g_strdup("this ccbake does it otherwise")
           : strcmp(name, "min-kernel") == 0 ? g_strdup("base.min-kernel changed")
                                             : g_strdup_printf("its %s changed", name);
}

/* Why the step itself has to run; NULL: only because one before it has.  Caller frees. */
static char *own_reason(const View *view, guint index)
{
    const CcbStep *step = view->loaded->plan->steps->pdata[index];
    g_autoptr(CcbLayer) latest = ccb_layer_latest(view->loaded->recipe->name, step->id);
    json_auto_t *now = ccb_step_ingredients(view->loaded->plan, step, NULL);
    if (latest == NULL || now == NULL)
        return g_strdup("not in the cache");
    return what_changed(now, latest->ingredients);
}

/* "cached", or why the step will run; caller frees. */
static char *cache_state(const View *view, guint index)
{
    const GPtrArray *steps = view->loaded->plan->steps;
    if (view->keys == NULL)
        return g_strdup("runs: not locked: run ccbake lock");
    if (index < view->cached)
        return g_strdup("cached");
    g_autofree char *own = own_reason(view, index);
    if (own != NULL)
        return g_strdup_printf("runs: %s", own);
    for (guint i = view->cached; i < index; i++) {
        const CcbStep *before = steps->pdata[i];
        g_autofree char *why = own_reason(view, i);
        if (why != NULL)
            return g_strdup_printf("runs: step %u (%s): %s", i + 1, before->id, why);
    }
    return g_strdup("runs: the base changed, or the steps before it");
}

static json_t *step_to_json(const View *view, guint index)
{
    const CcbStep *step = view->loaded->plan->steps->pdata[index];
    g_autofree char *state = cache_state(view, index);
    g_autofree char *what = ccb_step_describe(view->loaded->recipe, step);
    json_t *payloads = json_array();
    for (guint i = 0; i < step->payloads->len; i++)
        json_array_append_new(payloads, payload_to_json(view, step->payloads->pdata[i]));
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:o, s:b, s:s, s:I}", "id", step->id, "kind", step->kind->name,
                  "what", what, "payloads", payloads, "resolved", !step->unresolved, "state", state,
                  "image_need", (json_int_t)ccb_step_space(step).image);
    if (with_diff)
        ccb_planned_step_to_json(view->planned, index, json);
    return json;
}

static json_t *plan_to_json(const View *view)
{
    const CcbPlan *plan = view->loaded->plan;
    CcbSpace space = ccb_plan_space(plan, 0);
    json_t *steps = json_array();
    for (guint i = 0; i < plan->steps->len; i++)
        json_array_append_new(steps, step_to_json(view, i));
    json_t *json =
        json_pack("{s:s, s:b, s:o, s:o, s:o, s:o*, s:I, s:I}", "recipe", view->loaded->recipe->name,
                  "current", (int)view->is_current, "base", payload_to_json(view, plan->base),
                  "steps", steps, "problems", ccb_problems_to_json(view->problems), "facts",
                  view->facts ? ccb_facts_to_json(view->facts) : NULL, "image_need",
                  (json_int_t)space.image, "scratch_need", (json_int_t)space.scratch);
    if (with_diff)
        json_object_set_new(json, "exact",
                            view->planned->exact != NULL ? ccb_diff_to_json(view->planned->exact)
                                                         : json_null());
    return json;
}

static void print_payload(FILE *out, const View *view, const CcbPayload *p)
{
    bool at_hand;
    uint64_t bytes = size_of(view, p, &at_hand);
    g_autofree char *size = bytes > 0 ? ccb_format_size(bytes) : g_strdup("size unknown");
    fprintf(out, "       %-10s %s  %s  %.12s%s\n", at_hand ? "at hand" : "to fetch", p->name, size,
            p->sha256 ? p->sha256 : "not pinned", p->sha256 ? "..." : "");
}

static void print_base(FILE *out, const View *view)
{
    const CcbRecipe *recipe = view->loaded->recipe;
    const CcbFacts *facts = view->facts;
    g_autofree char *url = ccb_url_redact(view->loaded->plan->base->urls[0]);
    fprintf(out, "base   %s\n", url);
    print_payload(out, view, view->loaded->plan->base);
    if (facts == NULL) {
        fprintf(out, "       not looked at yet: it is not at hand (ccbake fetch)\n");
        return;
    }
    g_autofree char *free_space = ccb_format_size(facts->free_bytes);
    bool enough = ccb_kver_compare(facts->default_kver, recipe->min_kernel) >= 0;
    g_autofree char *system = ccb_name_printable(facts->os_name ? facts->os_name : "no name");
    g_autofree char *kver = ccb_name_printable(facts->default_kver);
    fprintf(out, "       %s, %u packages, %s free\n", system, g_strv_length(facts->packages),
            free_space);
    g_autofree char *grown = recipe->grow > 0 ? ccb_format_size(recipe->grow) : NULL;
    if (grown != NULL)
        fprintf(out, "       grows to %s: the disk, its last partition and the root file system\n",
                grown);
    fprintf(out, "       kernel %s, %s the minimum %s\n", kver, enough ? "at least" : "BELOW",
            recipe->min_kernel);
}

static bool sizes_are_known(const CcbPlan *plan)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++)
            if (((const CcbPayload *)step->payloads->pdata[j])->size == 0)
                return false;
        if (step->unresolved)
            return false;
    }
    return true;
}

static void print_space(FILE *out, const View *view)
{
    const char *bound = sizes_are_known(view->loaded->plan) ? "about" : "not all known: at least";
    CcbSpace space = ccb_plan_space(view->loaded->plan, 0);
    g_autofree char *image = ccb_format_size(space.image);
    g_autofree char *scratch = ccb_format_size(space.scratch);
    fprintf(out, "space  %s %s more in the image, %s outside it while baking\n", bound, image,
            scratch);
}

/* Which of the images this is. */
static void print_matrix(FILE *out, const CcbRecipe *recipe)
{
    const CcbNode *variables = ccb_recipe_variables(recipe);
    g_autofree char *label = NULL;
    if (recipe->cells->len == 0)
        return;
    for (guint i = 0; i < recipe->cells->len && label == NULL; i++) {
        bool is_this = true;
        for (char **setting = recipe->cells->pdata[i]; *setting != NULL; setting++) {
            g_auto(GStrv) parts = g_strsplit(*setting, "=", 2);
            is_this = is_this && g_strcmp0(ccb_node_get_text(variables, parts[0]), parts[1]) == 0;
        }
        label = is_this ? ccb_matrix_label(recipe->cells->pdata[i]) : NULL;
    }
    fprintf(out, "matrix %u %s; this is %s; --matrix shows all\n", recipe->cells->len,
            ccb_plural(recipe->cells->len, "image", "images"),
            label != NULL ? label : "none of them");
}

static void print_text(FILE *out, const View *view)
{
    const CcbPlan *plan = view->loaded->plan;
    if (view->is_current)
        fprintf(out, "output %s is current: a bake has nothing to do\n", view->paths[0]);
    fprintf(out, "recipe %s (%u %s)\n", view->loaded->recipe->name, view->loaded->recipe->gpus,
            ccb_plural(view->loaded->recipe->gpus, "GPU", "GPUs"));
    print_base(out, view);
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        g_autofree char *what = ccb_step_describe(view->loaded->recipe, step);
        g_autofree char *state = cache_state(view, i);
        fprintf(out, "%4u   %-18s %s  [%s]\n", i + 1, step->id, what, state);
        for (guint j = 0; j < step->payloads->len; j++)
            print_payload(out, view, step->payloads->pdata[j]);
        g_autofree char *change = with_diff ? NULL : ccb_planned_summary(view->planned, i);
        if (change != NULL)
            fprintf(out, "       %-10s %s\n", "change", change);
    }
    print_space(out, view);
    if (with_diff)
        ccb_planned_print(view->planned, plan, out);
    else
        fprintf(out, "`?` = known only after the bake. For file contents: plan --diff.\n");
    print_matrix(out, view->loaded->recipe);
    for (guint i = 0; i < view->problems->len; i++) {
        const CcbProblem *problem = view->problems->pdata[i];
        g_autofree char *text = ccb_problem_to_text(problem);
        fprintf(out, "%s: %s\n", problem->certain ? "problem" : "warning", text);
    }
}

/* On a terminal no line is wider than that. */
static void print_fitted(const View *view)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print_text(out, view);
    fclose(out);
    g_autofree char *fitted = ccb_wrap_lines(text, ccb_terminal_width(STDOUT_FILENO));
    fputs(fitted, stdout);
    free(text);
}

/* Finds out all that is shown. */
static bool look(View *view, const char *path, GError **error)
{
    CcbPlan *plan = view->loaded->plan;
    view->problems = ccb_problems_new();
    view->store = ccb_plan_store(error);
    if (view->store == NULL ||
        !ccb_outputs_choose(view->loaded->recipe, path, &view->formats, &view->paths, error))
        return false;
    if (ccb_plan_require_pins(plan, NULL)) {
        view->keys = ccb_chain_keys(plan, error);
        if (view->keys == NULL)
            return false;
        view->cached = ccb_chain_cached((const char *const *)view->keys);
    }
    if (!find_facts(view, error) || !ccb_plan_expect_changes(plan, error))
        return false;
    if (view->keys != NULL) {
        g_autofree char *check_set = ccb_check_set();
        view->is_current = ccb_manifest_is_current(
            (const char *const *)view->paths, view->formats,
            plan->steps->len > 0 ? view->keys[plan->steps->len - 1] : plan->base->sha256, plan,
            view->loaded->recipe->compress, check_set);
    }
    /* Of a base that is not the right one nothing can be told. */
    const CcbPlannedOptions wanted = {.plan = plan,
                                      .keys = (const char *const *)view->keys,
                                      .base = is_right_base(view) ? view->facts : NULL,
                                      .backend = with_diff ? backend_name : NULL};
    view->planned = ccb_planned_new(&wanted, error);
    if (view->planned == NULL)
        return false;
    if (view->planned->is_compared)
        view->cached = view->planned->cached; /* a layer may have turned out to be damaged */
    find_problems(view);
    return true;
}

static bool show_one(const char *recipe_path, GError **error)
{
    CcbErrorCode code = CCB_ERR_PROBLEM;
    g_auto(CcbLoaded) loaded = {0};
    g_auto(View) view = {.loaded = &loaded};
    if (!ccb_load(recipe_path, &load, &loaded, error) || !look(&view, output, error))
        return false;
    if (g_str_equal(format, "json"))
        ccb_print_json(plan_to_json(&view));
    else
        print_fitted(&view);
    guint count = ccb_problems_count(view.problems, &code);
    return count == 0 || ccb_fail(error, code, "%u %s this bake", count,
                                  ccb_plural(count, "problem prevents", "problems prevent"));
}

/* A line for the image, or with `list` its plan in that; *ret_code: of the first problem. */
static bool show_image(const char *recipe_path, char *const *entry, int width, json_t *list,
                       guint *ret_bad, CcbErrorCode *ret_code, GError **error)
{
    CcbErrorCode code = CCB_ERR_PROBLEM;
    g_auto(CcbLoaded) loaded = {0};
    g_auto(View) view = {.loaded = &loaded};
    g_autofree char *label = ccb_matrix_label(entry);
    if (!ccb_load_entry(recipe_path, &load, entry, &loaded, error))
        return false;
    g_autofree char *name = ccb_emit_file_name(loaded.recipe);
    g_autofree char *path = output != NULL ? g_build_filename(output, name, NULL) : g_strdup(name);
    if (!look(&view, path, error))
        return false;
    guint count = ccb_problems_count(view.problems, &code);
    if (count > 0 && (*ret_bad)++ == 0)
        *ret_code = code;
    if (list != NULL) {
        json_t *json = plan_to_json(&view);
        json_object_set_new(json, "image", json_string(label));
        json_object_set_new(json, "output", json_string(path));
        json_array_append_new(list, json);
        return true;
    }
    if (view.is_current)
        printf("%-*s  current  ", width, label);
    else
        printf("%-*s  %2u cached, %2u to run  ", width, label, view.cached,
               loaded.plan->steps->len - view.cached);
    if (count > 0)
        printf("%u %s  ", count, ccb_plural(count, "problem", "problems"));
    else if (!view.is_current)
        fputs("no problem  ", stdout);
    printf("%s\n", path);
    return true;
}

static bool show_matrix(const char *recipe_path, GError **error)
{
    CcbErrorCode code = CCB_ERR_PROBLEM;
    guint bad = 0;
    int width = 0;
    g_autoptr(GPtrArray) entries = ccb_load_matrix(recipe_path, &load, error);
    if (entries == NULL)
        return false;
    if (((char **)entries->pdata[0])[0] == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "--matrix: %s has no matrix", recipe_path);
    for (guint i = 0; i < entries->len; i++) {
        g_autofree char *label = ccb_matrix_label(entries->pdata[i]);
        width = MAX(width, (int)strlen(label));
    }
    json_auto_t *list = g_str_equal(format, "json") ? json_array() : NULL;
    for (guint i = 0; i < entries->len; i++)
        if (!show_image(recipe_path, entries->pdata[i], width, list, &bad, &code, error))
            return false;
    if (list != NULL)
        ccb_print_json(json_pack("{s:O}", "images", list));
    if (bad == 0)
        return true;
    ccb_fail(error, code, "%u of %u images have problems", bad, entries->len);
    return ccb_hint(error, "`ccbake plan --set=NAME=VALUE %s` shows those of one image",
                    recipe_path);
}

static bool run(int argc, char **argv, GError **error)
{
    if (with_matrix && with_diff)
        return ccb_fail(error, CCB_ERR_USAGE, "--diff is for one image");
    return with_matrix ? show_matrix(argv[0], error) : show_one(argv[0], error);
}

const CcbVerb ccb_verb_plan = {
    .name = "plan",
    .arguments = "RECIPE",
    .summary = "show what a bake would do, without doing it",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
