/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake plan`: what a bake would do, and whether it could. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/load.h"
#include "cli/planned.h"
#include "cli/report-data.h"
#include "cli/verbs.h"
#include "emit/format.h"
#include "emit/manifest.h"
#include "fetch/fetch.h"
#include "guest/backend.h"
#include "image/rpm.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/key.h"
#include "plan/space.h"

static CcbLoadOptions load;
static bool with_diff;
static const char *backend_name = "auto", *format = "text";

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(load),
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host",
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
    CcbFacts *facts;         /* NULL: the base is not at hand */
    bool current;            /* a bake has nothing to do */
    GPtrArray *problems;     /* char * */
    CcbErrorCode first_code; /* of the first of them */
    CcbPlanned *planned;
} View;

static void view_clear(View *view)
{
    ccb_planned_free(view->planned);
    ccb_facts_free(view->facts);
    g_clear_pointer(&view->problems, g_ptr_array_unref);
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
    CcbBackend backend;
    g_autofree char *path = ccb_payload_find(view->loaded->plan->base, view->store);
    if (path == NULL)
        return true;
    view->facts = ccb_facts_cached(path, NULL);
    if (view->facts != NULL)
        return true;
    if (!ccb_backend_from_name(backend_name, &backend, error))
        return false;
    backend = ccb_backend_choose(backend, NULL, error);
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
    if (view->current)
        return true;
    g_autoptr(GPtrArray) needed = ccb_payloads_of(plan->steps, view->cached, plan->steps->len);
    g_ptr_array_insert(needed, 0, plan->base);
    return ccb_fetch_check_local(needed, view->store, error);
}

/* As the bake will check it, for an output that does not exist yet. */
static bool check_space(const View *view, GError **error)
{
    g_autofree char *name = ccb_emit_file_name(view->loaded->recipe);
    bool exists = g_file_test(name, G_FILE_TEST_EXISTS);
    CcbBakeSpace bake = {.plan = view->loaded->plan,
                         .base = view->facts,
                         .first = view->cached,
                         .directory = ".",
                         .outputs = exists ? 0 : g_strv_length(view->loaded->recipe->formats)};
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
    for (size_t i = 0; i < G_N_ELEMENTS(found); i++) {
        if (found[i] == NULL)
            continue;
        if (view->problems->len == 0)
            view->first_code = (CcbErrorCode)ccb_exit_code(found[i]);
        g_ptr_array_add(view->problems, g_strdup(found[i]->message));
        g_error_free(found[i]);
    }
}

static json_t *payload_to_json(const View *view, const CcbPayload *p)
{
    bool at_hand;
    json_int_t size = (json_int_t)size_of(view, p, &at_hand);
    return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:b}", "label", p->label, "name", p->name,
                     "sha256", p->sha256, "url", p->urls[0], "size", size, "at_hand", (int)at_hand);
}

/* The setting that differs from the step's last layer; NULL where that can't be told. */
static const char *what_changed(const json_t *now, const json_t *then)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key,
                        value) if (!json_equal(value, json_object_get(then, key))) return key;
    json_object_foreach((json_t *)then, key,
                        value) if (json_object_get(now, key) == NULL) return key;
    return NULL;
}

/* "cached", or why the step will run; caller frees. */
static char *cache_state(const View *view, guint index)
{
    const CcbStep *step = view->loaded->plan->steps->pdata[index];
    if (view->keys == NULL)
        return g_strdup("runs: not everything is pinned");
    if (index < view->cached)
        return g_strdup("cached");
    g_autoptr(CcbLayer) latest = ccb_layer_latest(step->id);
    json_auto_t *now = latest ? ccb_step_ingredients(view->loaded->plan, step, NULL) : NULL;
    const char *changed = now ? what_changed(now, latest->ingredients) : NULL;
    if (changed != NULL)
        return g_strdup_printf("runs: %s changed", changed);
    if (latest == NULL || index == view->cached)
        return g_strdup("runs: not in the cache");
    const CcbStep *first = view->loaded->plan->steps->pdata[view->cached];
    return g_strdup_printf("runs: follows step %s", first->id);
}

/* Whether a bake would find its outputs made, and have nothing to do. */
static bool find_current(View *view, GError **error)
{
    const CcbLoaded *loaded = view->loaded;
    const CcbRecipe *recipe = loaded->recipe;
    guint n = view->keys != NULL ? g_strv_length(view->keys) : 0;
    g_autofree char *name = ccb_emit_file_name(recipe);
    g_autofree char *check_set = ccb_check_set();
    g_autoptr(GPtrArray) formats = ccb_emit_formats((const char *const *)recipe->formats, error);
    g_auto(GStrv) paths = formats != NULL ? ccb_emit_paths(formats, name, error) : NULL;
    if (paths == NULL || !ccb_plan_expect_changes(loaded->plan, error))
        return false;
    view->current =
        n > 0 && ccb_manifest_is_current((const char *const *)paths, formats, view->keys[n - 1],
                                         loaded->plan, recipe->compress, check_set);
    return true;
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

static void print_json(const View *view)
{
    const CcbPlan *plan = view->loaded->plan;
    CcbSpace space = ccb_plan_space(plan, 0);
    json_t *steps = json_array(), *problems = json_array();
    for (guint i = 0; i < plan->steps->len; i++)
        json_array_append_new(steps, step_to_json(view, i));
    for (guint i = 0; i < view->problems->len; i++)
        json_array_append_new(problems, json_string(view->problems->pdata[i]));
    json_auto_t *json = json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o*, s:I, s:I}", "recipe", view->loaded->recipe->name,
        "current", (int)view->current, "base", payload_to_json(view, plan->base), "steps", steps,
        "problems", problems, "facts", view->facts ? ccb_facts_to_json(view->facts) : NULL,
        "image_need", (json_int_t)space.image, "scratch_need", (json_int_t)space.scratch);
    if (with_diff)
        json_object_set_new(json, "exact",
                            view->planned->exact != NULL ? ccb_diff_to_json(view->planned->exact)
                                                         : json_null());
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
    puts(text);
    free(text);
}

static void print_payload(const View *view, const CcbPayload *p)
{
    bool at_hand;
    uint64_t bytes = size_of(view, p, &at_hand);
    g_autofree char *size = bytes > 0 ? ccb_format_size(bytes) : g_strdup("size unknown");
    printf("       %-10s %s  %s  %.12s%s\n", at_hand ? "at hand" : "to fetch", p->name, size,
           p->sha256 ? p->sha256 : "not pinned", p->sha256 ? "..." : "");
}

static void print_base(const View *view)
{
    const CcbRecipe *recipe = view->loaded->recipe;
    const CcbFacts *facts = view->facts;
    printf("base   %s\n", view->loaded->plan->base->urls[0]);
    print_payload(view, view->loaded->plan->base);
    if (facts == NULL) {
        printf("       not looked at yet: it is not at hand (ccbake fetch)\n");
        return;
    }
    guint packages = g_strv_length(facts->packages);
    g_autofree char *free_space = ccb_format_size(facts->free_bytes);
    bool enough = ccb_kver_compare(facts->default_kver, recipe->min_kernel) >= 0;
    g_autofree char *system = ccb_name_printable(facts->os_name ? facts->os_name : "no name");
    g_autofree char *kver = ccb_name_printable(facts->default_kver);
    printf("       %s, %u %s, %s free\n", system, packages,
           ccb_plural(packages, "package", "packages"), free_space);
    printf("       kernel %s, %s the minimum %s\n", kver, enough ? "at least" : "BELOW",
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

static void print_space(const View *view)
{
    const char *bound = sizes_are_known(view->loaded->plan) ? "about" : "not all known: at least";
    CcbSpace space = ccb_plan_space(view->loaded->plan, 0);
    g_autofree char *image = ccb_format_size(space.image);
    g_autofree char *scratch = ccb_format_size(space.scratch);
    printf("space  %s %s more in the image, %s outside it while baking\n", bound, image, scratch);
}

static void print_text(const View *view)
{
    const CcbPlan *plan = view->loaded->plan;
    printf("recipe %s (%u %s)\n", view->loaded->recipe->name, view->loaded->recipe->gpus,
           ccb_plural(view->loaded->recipe->gpus, "GPU", "GPUs"));
    print_base(view);
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        g_autofree char *what = ccb_step_describe(view->loaded->recipe, step);
        g_autofree char *state = cache_state(view, i);
        printf("%4u   %-18s %s  [%s]\n", i + 1, step->id, what, state);
        for (guint j = 0; j < step->payloads->len; j++)
            print_payload(view, step->payloads->pdata[j]);
        g_autofree char *change = with_diff ? NULL : ccb_planned_summary(view->planned, i);
        if (change != NULL)
            printf("       %-10s %s\n", "change", change);
    }
    print_space(view);
    if (with_diff)
        ccb_planned_print(view->planned, plan);
    else
        printf("change as the steps declare it, ? only the bake will show; with --diff exact where "
               "they are cached, and as a diff\n");
    if (view->loaded->recipe->cells->len > 0)
        printf("matrix %u %s\n", view->loaded->recipe->cells->len,
               ccb_plural(view->loaded->recipe->cells->len, "image", "images"));
    if (view->current) {
        g_autofree char *name = ccb_emit_file_name(view->loaded->recipe);
        printf("output %s is what this recipe bakes: nothing to do\n", name);
    }
    for (guint i = 0; i < view->problems->len; i++)
        printf("problem: %s\n", (char *)view->problems->pdata[i]);
}

static bool show(View *view, GError **error)
{
    const CcbPlan *plan = view->loaded->plan;
    if (ccb_plan_require_pins(plan, NULL)) {
        view->keys = ccb_chain_keys(plan, error);
        if (view->keys == NULL)
            return false;
        view->cached = ccb_chain_cached((const char *const *)view->keys);
    }
    if (!find_facts(view, error))
        return false;
    /* Of a base that is not the right one nothing can be told. */
    const CcbPlannedOptions wanted = {.plan = plan,
                                      .keys = (const char *const *)view->keys,
                                      .base = is_right_base(view) ? view->facts : NULL,
                                      .backend = with_diff ? backend_name : NULL};
    view->planned = ccb_planned_new(&wanted, error);
    if (view->planned == NULL)
        return false;
    if (!find_current(view, error))
        return false;
    if (view->planned->is_compared)
        view->cached = view->planned->cached; /* a layer may have turned out to be damaged */
    find_problems(view);
    if (g_str_equal(format, "json"))
        print_json(view);
    else
        print_text(view);
    if (view->problems->len == 0)
        return true;
    return ccb_fail(error, view->first_code, "%u %s in the way of this bake", view->problems->len,
                    ccb_plural(view->problems->len, "problem", "problems"));
}

static bool run(int argc, char **argv, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    g_auto(View) view = {.loaded = &loaded};
    if (!ccb_load(argv[0], &load, &loaded, error))
        return false;
    view.store = ccb_plan_store(error);
    view.problems = g_ptr_array_new_with_free_func(g_free);
    return view.store != NULL && show(&view, error);
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
