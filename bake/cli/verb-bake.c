/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake bake`: resolve, then act.
 *
 * 1. plan      recipe, lock, output, backend, space: everything that can be refused is refused here
 * 2. fetch     the base and the payloads are on this host and are what they should be
 * 3. bake      the steps that are not cached, each in an overlay that becomes a layer
 * 4. emit      layers ► temporary file beside each output
 * 5. check     the first, read-only, through libguestfs; each, sector by sector, with the layers
 * 6. publish   manifest, report and images get their names
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/eta.h"
#include "base/file.h"
#include "base/human.h"
#include "base/progress.h"
#include "check/check.h"
#include "cli/load.h"
#include "cli/report-data.h"
#include "cli/verb-matrix.h"
#include "cli/verbs.h"
#include "emit/format.h"
#include "emit/manifest.h"
#include "emit/origin.h"
#include "emit/output.h"
#include "guest/backend.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/space.h"

static CcbLoadOptions load;
static const char *output_path, *from_step, *backend_name = "auto";
static bool offline, force, compress, no_cache, no_verify, matrix;
static unsigned jobs;

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &output_path, "FILE",
     "the image, or the directory of a matrix; default: NAME.qcow2 of the recipe"},
    {"matrix", 'm', CCB_OPT_FLAG, &matrix, NULL, "bake every image of the recipe's matrix"},
    {"jobs", 'j', CCB_OPT_NUMBER, &jobs, "N", "images of a matrix at a time"},
    CCB_LOAD_OPTIONS(load),
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host", "how the image is opened"},
    {"offline", 0, CCB_OPT_FLAG, &offline, NULL, "use what is at hand, download nothing"},
    {"compress", 'c', CCB_OPT_FLAG, &compress, NULL,
     "compress the output, whatever the recipe says"},
    {"from", 0, CCB_OPT_STRING, &from_step, "STEP",
     "run this step and all after it, cached or not"},
    {"no-cache", 0, CCB_OPT_FLAG, &no_cache, NULL, "run every step, cached or not"},
    {"force", 'f', CCB_OPT_FLAG, &force, NULL, "replace an output that exists"},
    {"no-verify", 0, CCB_OPT_FLAG, &no_verify, NULL, "do not check the emitted image"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* In the report, of what only a look into the image tells. */
static const char not_verified[] =
    "The image was baked with `--no-verify`; `ccbake report` looks into it.";

typedef struct {
    CcbLoaded loaded;
    GPtrArray *formats; /* CcbEmitFormat, one an output */
    char **paths;       /* of the outputs */
    bool compressed;
    char **keys; /* of the steps */
    CcbOutput *output;
    CcbStore *store;
    CcbWork *work;
    CcbBackend backend;
    CcbFacts *base;
    CcbChain chain;
    CcbFindings findings;
    CcbComparison comparison; /* with the base, for the report */
    double emit_s, verify_s;
    gint64 started;
    CcbEmitSource *source;
    int log;
} Session;

static void session_clear(Session *s)
{
    ccb_comparison_clear(&s->comparison);
    ccb_findings_clear(&s->findings);
    ccb_emit_source_free(s->source);
    ccb_chain_clear(&s->chain);
    ccb_facts_free(s->base);
    ccb_work_free(s->work);
    ccb_output_free(s->output);
    ccb_store_free(s->store);
    g_strfreev(s->keys);
    g_strfreev(s->paths);
    g_clear_pointer(&s->formats, g_ptr_array_unref);
    ccb_close_fd(&s->log);
    ccb_loaded_clear(&s->loaded);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static const char *last_key(const Session *s)
{
    guint n = g_strv_length(s->keys);
    return n > 0 ? s->keys[n - 1] : s->loaded.plan->base->sha256;
}

static bool plan(Session *s, const char *recipe_path, GError **error)
{
    if (!ccb_load(recipe_path, &load, &s->loaded, error) ||
        !ccb_plan_require_pins(s->loaded.plan, error))
        return false;
    const CcbRecipe *recipe = s->loaded.recipe;
    if (recipe->cells->len > 0 && ccb_matrix_setting(&load, recipe->cells) == NULL)
        ccb_warn(
            "the recipe has a matrix of %u images, and this bakes one; --matrix bakes them all",
            recipe->cells->len);
    s->formats = ccb_emit_formats((const char *const *)recipe->formats, error);
    if (s->formats == NULL)
        return false;
    g_autofree char *name = ccb_emit_file_name(recipe);
    s->paths = ccb_emit_paths(s->formats, output_path ? output_path : name);
    s->compressed = compress || recipe->compress;
    s->keys = ccb_chain_keys(s->loaded.plan, error);
    return s->keys != NULL;
}

static double seconds_since(gint64 started)
{
    return (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
}

/* A log, and the report of an image that failed, is replaced only once the next bake is under way. */
static bool open_log(Session *s, GError **error)
{
    unlink(s->output->failed);
    s->log = open(s->output->log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    return s->log >= 0 || ccb_fail_errno(error, CCB_ERR_IO, "creating the log %s", s->output->log);
}

static bool choose_backend(Session *s, GError **error)
{
    CcbBackend wanted;
    g_autofree char *reason = NULL;
    if (!ccb_backend_from_name(backend_name, &wanted, error))
        return false;
    s->backend = ccb_backend_choose(wanted, &reason, error);
    if (s->backend == CCB_BACKEND_AUTO)
        return false;
    if (g_str_has_prefix(reason, "under emulation"))
        ccb_warn("the bake runs %s", reason);
    else
        ccb_progress_line("%-8s %s: %s", "backend", ccb_backend_name(s->backend), reason);
    return true;
}

static bool begin_chain(Session *s, GError **error)
{
    const CcbLayerBase base = {s->base->path, s->base->format, s->base->sha256};
    const CcbPlan *p = s->loaded.plan;
    const char *from = from_step;
    if (no_cache && p->steps->len > 0)
        from = ((const CcbStep *)p->steps->pdata[0])->id;
    return ccb_layer_link_base(&base, error) &&
           ccb_chain_begin(p, (const char *const *)s->keys, from, &s->chain, error);
}

static bool check_space(Session *s, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(s->paths[0]);
    const CcbBakeSpace bake = {.plan = s->loaded.plan,
                               .base = s->base,
                               .first = s->chain.first,
                               .backend = s->backend,
                               .directory = dir,
                               .outputs = s->formats->len};
    return ccb_space_check(&bake, error);
}

static bool fetch_base(Session *s, GError **error)
{
    s->store = ccb_plan_store(error);
    if (s->store == NULL || !ccb_plan_fetch_base(s->loaded.plan, s->store, offline, error))
        return false;
    s->base = ccb_facts_of_image(s->loaded.plan->base->path, s->backend, error);
    return s->base != NULL && ccb_plan_check_base(s->loaded.plan, s->base, error);
}

/* The payloads of the steps that will run. */
static bool fetch_payloads(Session *s, GError **error)
{
    if (!ccb_plan_fetch(s->loaded.plan, s->chain.first, s->store, offline, error))
        return false;
    s->work = ccb_work_open(error);
    return s->work && check_space(s, error);
}

#define COMPARE_ETA_NAME "compare"
#define VERIFY_ETA_NAME  "verify"

static char *emit_eta_name(const Session *s, const CcbEmitFormat *format)
{
    return g_strconcat("emit ", format->name,
                       s->compressed && format->compresses ? " compressed" : "", NULL);
}

/* The steps that will run, and what follows them. */
static void start_eta(const Session *s)
{
    double fraction, left;
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    const CcbPlan *p = s->loaded.plan;
    for (guint i = s->chain.first; i < p->steps->len; i++)
        g_ptr_array_add(parts, ccb_chain_eta_name(p->steps->pdata[i], s->backend));
    for (guint i = 0; i < s->formats->len; i++)
        g_ptr_array_add(parts, emit_eta_name(s, s->formats->pdata[i]));
    if (!no_verify) {
        g_ptr_array_add(parts, g_strdup(COMPARE_ETA_NAME));
        g_ptr_array_add(parts, g_strdup(VERIFY_ETA_NAME));
    }
    ccb_eta_start((const char *const *)parts->pdata, parts->len);
    if (ccb_eta_now(&fraction, &left) && left >= 0) {
        double saving = ccb_eta_saving_s();
        g_autofree char *text = ccb_format_seconds(left);
        g_autofree char *less = ccb_format_seconds(left - saving);
        ccb_progress_line("%-8s about %s, as it took before%s%s%s", "expect", text,
                          saving > 1 ? "; " : "", saving > 1 ? less : "",
                          saving > 1 ? " where the driver's modules are in the cache" : "");
    }
}

static bool bake_steps(Session *s, GError **error)
{
    start_eta(s);
    CcbChainOptions chain = {.plan = s->loaded.plan,
                             .keys = (const char *const *)s->keys,
                             .base = s->base,
                             .backend = s->backend,
                             .work = s->work,
                             .fresh = no_cache || from_step != NULL,
                             .no_cache = no_cache,
                             .log = s->log,
                             .log_path = s->output->log};
    return ccb_chain_build(&chain, &s->chain, error);
}

/* What the outputs are made from. */
static bool open_source(Session *s, GError **error)
{
    const CcbLayer *top = s->chain.top;
    g_autofree char *copy = g_build_filename(s->work->dir, "source.qcow2", NULL);
    s->source = ccb_emit_source_open(top ? top->path : s->base->path,
                                     top ? "qcow2" : s->base->format, copy, error);
    return s->source != NULL;
}

static bool emit(Session *s, GError **error)
{
    gint64 started = g_get_monotonic_time();
    if (!open_source(s, error))
        return false;
    for (guint i = 0; i < s->formats->len; i++) {
        const CcbEmitFormat *format = s->formats->pdata[i];
        g_autofree char *part = emit_eta_name(s, format);
        ccb_eta_begin(part);
        if (!ccb_emit_write(s->source, format, ccb_output_image(s->output, i), s->compressed,
                            error))
            return false;
    }
    s->emit_s = seconds_since(started);
    return true;
}

static bool compare(Session *s, GError **error)
{
    if (no_verify)
        return true;
    ccb_eta_begin(COMPARE_ETA_NAME);
    for (guint i = 0; i < s->formats->len; i++)
        if (!ccb_emit_compare(s->source, s->formats->pdata[i], ccb_output_image(s->output, i),
                              error))
            return false;
    return true;
}

static void log_report(Session *s)
{
    const CcbReport *report = s->findings.checks;
    g_autofree char *text = ccb_report_to_text(report);
    ccb_write_all(s->log, text, strlen(text), s->output->log, NULL);
    g_autoptr(GString) note = g_string_new(NULL);
    g_string_printf(note, "%u passed, %u failed", report->passed,
                    report->failed + report->unreadable);
    if (report->waived > 0)
        g_string_append_printf(note, ", %u waived", report->waived);
    ccb_progress_end(note->str);
}

/* Of the first output; the others show the same disk. */
static bool check(Session *s, GError **error)
{
    if (no_verify)
        return true;
    gint64 started = g_get_monotonic_time();
    CcbGuestOptions open_options = {.image = s->output->temporary,
                                    .format = ((CcbEmitFormat *)s->formats->pdata[0])->format,
                                    .backend = CCB_BACKEND_APPLIANCE,
                                    .read_only = true,
                                    .log_fd = -1};
    ccb_eta_begin(VERIFY_ETA_NAME);
    ccb_progress_begin("verify", s->output->path, 0);
    /* For the report, beside the judging, which leaves a core idle. */
    ccb_comparison_start(&s->comparison, s->backend, s->base->path, s->output->temporary);
    CcbGuest *guest = ccb_guest_open(&open_options, error);
    bool ok =
        guest != NULL && ccb_findings_read(guest, &s->loaded.plan->expect, &s->findings, error);
    ccb_guest_free(guest);
    if (!ok) {
        ccb_progress_abort();
        return false;
    }
    log_report(s);
    s->verify_s = seconds_since(started);
    return true;
}

static json_t *describe(const Session *s, const json_t *checks, GError **error)
{
    g_autofree char *check_set = ccb_check_set();
    CcbManifest facts = {.plan = s->loaded.plan,
                         .base = s->base,
                         .result = s->chain.facts,
                         .keys = (const char *const *)s->keys,
                         .key = last_key(s),
                         .formats = s->formats,
                         .output = s->output,
                         .compressed = s->compressed,
                         .backend = ccb_backend_name(s->backend),
                         .times = s->chain.times,
                         .emit_s = s->emit_s,
                         .verify_s = s->verify_s,
                         .all_s = seconds_since(s->started),
                         .checks = (json_t *)checks,
                         .check_set = check_set};
    return ccb_manifest_build(&facts, error);
}

/* Why the report has no comparison; caller frees. */
static char *why_no_diff(const char *name)
{
    if (no_verify)
        return g_strdup(not_verified);
    return g_strdup_printf("The comparison failed; `ccbake report %s` tries again.", name);
}

/* The report as HTML; caller frees. */
static char *render(Session *s, const json_t *manifest, const json_t *checks, bool unpublished)
{
    json_t *diff = ccb_comparison_finish(&s->comparison);
    g_autofree char *name = g_path_get_basename(s->paths[0]);
    g_autofree char *now = ccb_page_now();
    g_autofree char *no_diff = why_no_diff(name);
    CcbPage page = {.image = name,
                    .manifest = manifest,
                    .checks = checks,
                    .diff = diff,
                    .no_diff = no_diff,
                    .plot = s->findings.plot,
                    .no_plot = no_verify ? not_verified : s->findings.no_plot,
                    .unpublished = unpublished,
                    .made = now};
    char *html = ccb_page_to_html(&page);
    json_decref(diff);
    return html;
}

static bool refuse(const Session *s, const char *html, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (!ccb_write_file_atomic(s->output->failed, html, strlen(html), &reason))
        ccb_warn("%s", reason->message);
    return ccb_hint(error, "nothing was published; the report is %s, and the log %s",
                    s->output->failed, s->output->log);
}

static bool publish(Session *s, GError **error)
{
    json_t *checks = s->findings.checks ? ccb_report_to_json(s->findings.checks) : NULL;
    json_t *manifest = describe(s, checks, error);
    bool ok = manifest != NULL;
    if (ok) {
        bool good = checks == NULL || ccb_report_verdict(s->findings.checks, error);
        g_autofree char *html = render(s, manifest, checks, !good);
        ok = good ? ccb_output_publish(s->output, manifest, html, error) : refuse(s, html, error);
    }
    json_decref(manifest);
    json_decref(checks);
    return ok;
}

/* Whether the outputs are there as this bake would make them; `verified`: with checks that hold. */
static bool is_there(const Session *s, bool verified)
{
    g_autofree char *check_set = verified ? ccb_check_set() : NULL;
    return ccb_manifest_is_current((const char *const *)s->paths, s->formats, last_key(s),
                                   s->loaded.recipe, s->compressed, check_set);
}

static bool is_current(const Session *s)
{
    return !no_cache && from_step == NULL && is_there(s, !no_verify);
}

static bool reserve(Session *s, GError **error)
{
    if (!force && !ccb_manifest_check_place(s->paths[0], error))
        return false;
    s->output = ccb_output_reserve((const char *const *)s->paths, force, error);
    if (s->output == NULL && !no_verify && is_there(s, false))
        ccb_hint(error,
                 "it is what this recipe bakes, but no checks that hold are on record; `ccbake "
                 "verify %s` checks it as it is",
                 s->paths[0]);
    return s->output != NULL;
}

static bool make(Session *s, GError **error)
{
    return reserve(s, error) && choose_backend(s, error) && fetch_base(s, error) &&
           begin_chain(s, error) && fetch_payloads(s, error) && open_log(s, error) &&
           bake_steps(s, error) && emit(s, error) && compare(s, error) && check(s, error) &&
           publish(s, error);
}

/* ", gpu.vhd, gpu.raw": of the outputs but the first; caller frees. */
static char *other_paths(const Session *s)
{
    g_autofree char *all = g_strjoinv(", ", s->paths);
    return g_strdup(all + strlen(s->paths[0]));
}

/* Only looking into the image makes a report, and that is not nothing. */
static void note_missing_report(const char *image)
{
    g_autofree char *report = ccb_output_report_path(image);
    if (!g_file_test(report, G_FILE_TEST_EXISTS))
        ccb_warn("there is no %s; `ccbake report %s` writes it", report, image);
}

static bool bake_one(const char *recipe_path, GError **error)
{
    g_auto(Session)
        s = {.log = -1, .comparison = {.output = -1}, .started = g_get_monotonic_time()};
    if (!plan(&s, recipe_path, error))
        return false;
    if (is_current(&s)) {
        g_autofree char *others = other_paths(&s);
        ccb_progress_result("current", s.paths[0], "%s %s what this recipe bakes: nothing to do",
                            others, s.formats->len > 1 ? "are" : "is");
        note_missing_report(s.paths[0]);
        return true;
    }
    if (!make(&s, error))
        return false;
    ccb_eta_finish();
    g_autofree char *took = ccb_format_seconds(seconds_since(s.started));
    g_autofree char *others = other_paths(&s);
    ccb_progress_result("baked", s.paths[0], "%s in %s; kernel %s", others, took,
                        s.chain.facts->default_kver);
    return true;
}

/* Each image is baked by a ccbake of its own, with our options but those that are for all of them. */
static bool bake_matrix(const char *recipe_path, GError **error)
{
    CcbBackend wanted;
    CcbMatrixOptions all = {.recipe_path = recipe_path,
                            .load = &load,
                            .directory = output_path ? output_path : ".",
                            .at_a_time = jobs,
                            .table = options};
    if (!ccb_backend_from_name(backend_name, &wanted, error))
        return false;
    all.backend = ccb_backend_choose(wanted, NULL, error); /* asked once, and remembered */
    if (all.backend == CCB_BACKEND_AUTO)
        return false;
    matrix = false;
    output_path = NULL;
    jobs = 0;
    return ccb_matrix_bake(&all, error);
}

static bool run(int argc, char **argv, GError **error)
{
    if (jobs > 0 && !matrix)
        return ccb_fail(error, CCB_ERR_USAGE, "--jobs is for --matrix");
    return matrix ? bake_matrix(argv[0], error) : bake_one(argv[0], error);
}

const CcbVerb ccb_verb_bake = {
    "bake", "RECIPE", "bake an image", options, 1, 1, run,
};
