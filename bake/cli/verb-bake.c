/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake bake`: resolve, then act.
 *
 * 1. plan      recipe, lock, output, backend, space: everything that can be refused is refused here
 * 2. fetch     the base and the payloads are on this host and are what they should be
 * 3. bake      the steps that are not cached, each in an overlay that becomes a layer
 * 4. emit      from the layers, a temporary file beside each output's place
 * 5. check     each is compared with the layers, sector by sector; the first is checked, read-only
 * 6. publish   manifest, report and images get their names
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/eta.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/pty.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "base/text.h"
#include "check/run.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/outputs.h"
#include "cli/problems.h"
#include "cli/report-data.h"
#include "cli/sandbox.h"
#include "cli/shell.h"
#include "cli/verb-matrix.h"
#include "cli/verbs.h"
#include "emit/format.h"
#include "emit/inputs.h"
#include "emit/manifest.h"
#include "emit/origin.h"
#include "emit/output.h"
#include "guest/backend.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/space.h"

static struct {
    CcbLoadOptions load;
    const char *output, *from, *backend, *json, *tap, *junit;
    bool offline, force, compress, no_cache, no_verify, keep_failed, matrix, shell;
    unsigned jobs;
} opts = {.backend = "auto"};

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &opts.output, "FILE",
     "the image, or the directory of a matrix; default: NAME.qcow2 of the recipe"},
    {"matrix", 0, CCB_OPT_FLAG, &opts.matrix, NULL, "bake every image of the recipe's matrix"},
    {"jobs", 'j', CCB_OPT_NUMBER, &opts.jobs, "N", "images of a matrix at a time"},
    CCB_LOAD_OPTIONS(opts.load),
    CCB_BACKEND_OPTIONS(opts.backend),
    {"offline", 0, CCB_OPT_FLAG, &opts.offline, NULL, "use what is at hand, download nothing"},
    {"compress", 'c', CCB_OPT_FLAG, &opts.compress, NULL,
     "compress the output, whatever the recipe says"},
    {"from", 0, CCB_OPT_STRING, &opts.from, "STEP",
     "run this step and all after it, cached or not"},
    {"no-cache", 0, CCB_OPT_FLAG, &opts.no_cache, NULL, "run every step, cached or not"},
    {"force", 'f', CCB_OPT_FLAG, &opts.force, NULL, "replace an output that exists"},
    {"no-verify", 0, CCB_OPT_FLAG, &opts.no_verify, NULL, "do not check the emitted image"},
    {"keep-failed", 0, CCB_OPT_FLAG, &opts.keep_failed, NULL,
     "keep an image that fails its checks, as NAME.failed.qcow2"},
    {"shell-on-error", 0, CCB_OPT_FLAG, &opts.shell, NULL,
     "open a shell in the image where a step fails"},
    {"json", 0, CCB_OPT_STRING, &opts.json, "FILE", "write the results of the checks as JSON"},
    {"tap", 0, CCB_OPT_STRING, &opts.tap, "FILE", "the same as TAP"},
    {"junit", 0, CCB_OPT_STRING, &opts.junit, "FILE", "the same as JUnit's XML"},
    CCB_VERBOSE_OPTION,
    CCB_PARANOID_OPTION,
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* In the report, in the place of what only opening the image can tell. */
static const char not_verified[] =
    "The image was baked with `--no-verify`; `ccbake report` looks into it.";

#define COMPARE_ETA_NAME "compare"
#define VERIFY_ETA_NAME  "verify"

/* What is to be baked. */
typedef struct {
    CcbLoaded loaded;
    GPtrArray *formats; /* CcbEmitFormat, one an output */
    char **paths;       /* of the outputs */
    bool compressed;
    guint first; /* the step from which on all run again; the number of steps: none */
    const char *recipe_path;
    char **keys; /* of the steps */
    gint64 started;
} Job;

static void job_clear(Job *job)
{
    g_strfreev(job->keys);
    g_strfreev(job->paths);
    g_clear_pointer(&job->formats, g_ptr_array_unref);
    ccb_loaded_clear(&job->loaded);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Job, job_clear)

static double seconds_since(gint64 started)
{
    return (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
}

/* --- plan */

/* Whether a step is to run again, so that an image which is there is not what is wanted. */
static bool wants_new(void)
{
    return opts.no_cache || opts.from != NULL;
}

/* Of which step on all run whatever the cache has: of --from and --no-cache. */
static bool choose_first(Job *job, GError **error)
{
    job->first = opts.no_cache ? 0 : job->loaded.plan->steps->len;
    if (opts.no_cache || opts.from == NULL ||
        ccb_plan_find_step(job->loaded.plan, opts.from, &job->first, error))
        return true;
    g_prefix_error(error, "--from=%s: ", opts.from);
    return false;
}

static bool plan(Job *job, GError **error)
{
    if (!ccb_load(job->recipe_path, &opts.load, &job->loaded, error) || !choose_first(job, error) ||
        !ccb_plan_require_pins(job->loaded.plan, error) ||
        !ccb_plan_check_local(job->loaded.plan, error))
        return false;
    const CcbRecipe *recipe = job->loaded.recipe;
    if (recipe->cells->len > 0 && ccb_matrix_setting(&opts.load, recipe->cells) == NULL)
        ccb_warn("the recipe has a matrix of %u %s, and this bakes one; --matrix bakes them all",
                 recipe->cells->len, ccb_plural(recipe->cells->len, "image", "images"));
    if (!ccb_outputs_choose(recipe, opts.output, &job->formats, &job->paths, error))
        return false;
    job->compressed = opts.compress || recipe->compress;
    job->keys = ccb_chain_keys(job->loaded.plan, error);
    return job->keys != NULL && ccb_plan_expect_changes(job->loaded.plan, error);
}

static const char *last_key(const Job *job)
{
    guint n = g_strv_length(job->keys);
    return n > 0 ? job->keys[n - 1] : job->loaded.plan->base->sha256;
}

/* Whether the outputs are there as this bake would make them; `verified`: with checks that hold. */
static bool is_there(const Job *job, bool verified)
{
    g_autofree char *check_set = verified ? ccb_check_set() : NULL;
    return ccb_manifest_is_current((const char *const *)job->paths, job->formats, last_key(job),
                                   job->loaded.plan, job->compressed, check_set);
}

static CcbOutput *reserve(const Job *job, GError **error)
{
    if (!opts.force && !ccb_manifest_check_place(job->paths[0], error))
        return NULL;
    CcbOutput *output = ccb_output_reserve((const char *const *)job->paths, opts.force, error);
    if (output == NULL && !opts.no_verify && !wants_new() && is_there(job, false))
        ccb_hint(error,
                 "it is what this recipe bakes, but has not passed all checks of this ccbake on "
                 "record; with --force it is made from the cache and checked, `ccbake verify %s` "
                 "only checks it",
                 job->paths[0]);
    return output;
}

/* --- fetch and bake */

static CcbFacts *fetch_base(const Job *job, CcbStore *store, GError **error)
{
    CcbPlan *p = job->loaded.plan;
    if (!ccb_plan_fetch_base(p, store, opts.offline, error))
        return NULL;
    g_autoptr(CcbFacts) base = ccb_facts_of_image(p->base->path, CCB_BACKEND_READER, error);
    if (base == NULL || !ccb_plan_check_base(p, base, error))
        return NULL;
    return g_steal_pointer(&base);
}

static bool begin_chain(const Job *job, const CcbFacts *base, CcbChain *ret, GError **error)
{
    const CcbLayerBase image = {base->path, base->format, base->sha256};
    const CcbPlan *p = job->loaded.plan;
    return ccb_layer_link_base(&image, error) &&
           ccb_chain_begin(p, (const char *const *)job->keys, job->first, ret, error);
}

/* Does not begin what can't end well: the steps are tried on what is in the image. */
static bool check_problems(const Job *job, const CcbFacts *base, GError **error)
{
    const CcbPlannedOptions wanted = {
        .plan = job->loaded.plan,
        .keys = (const char *const *)job->keys,
        .base = base,
        .backend = ccb_backend_name(CCB_BACKEND_READER),
        .only_predict = true,
    };
    g_autoptr(CcbPlanned) planned = ccb_planned_new(&wanted, error);
    if (planned == NULL)
        return false;
    g_autoptr(GPtrArray) problems = ccb_problems_new();
    ccb_problems_add_planned(problems, job->loaded.plan, planned);
    for (guint i = problems->len; opts.no_verify && i > 0; i--) /* no check will look */
        if (((const CcbProblem *)problems->pdata[i - 1])->check != NULL)
            g_ptr_array_remove_index(problems, i - 1);
    return ccb_problems_refuse(problems, error) ||
           ccb_hint(error, "`ccbake plan --diff %s` shows the whole plan",
                    job->loaded.recipe->path);
}

/* What the file systems must hold from here on. */
static bool check_space(const Job *job, const CcbFacts *base, guint first, CcbBackend backend,
                        GError **error)
{
    g_autofree char *dir = g_path_get_dirname(job->paths[0]);
    const CcbBakeSpace bake = {
        .plan = job->loaded.plan,
        .base = base,
        .first = first,
        .backend = backend,
        .directory = dir,
        .outputs = job->formats->len,
    };
    return ccb_space_check(&bake, error);
}

/* The log, or -1.  Log and failed report of the last bake stay until here, when this one can begin. */
static int open_log(const CcbOutput *output, GError **error)
{
    struct stat st;
    if (lstat(output->log, &st) == 0 && !S_ISREG(st.st_mode)) {
        ccb_fail(error, CCB_ERR_IO, "the log %s is not a regular file", output->log);
        ccb_hint(error, "see what put it there (`ls -l`), and remove it");
        return -1;
    }
    unlink(output->failed);
    unlink(output->log); /* not written over: the name may be a link to another file */
    int log = ccb_create_file(output->log, false);
    if (log < 0)
        ccb_fail_errno(error, CCB_ERR_IO, "creating the log %s", output->log);
    return log;
}

static char *emit_eta_name(const Job *job, const CcbEmitFormat *format)
{
    return g_strconcat("emit ", format->name,
                       job->compressed && format->compresses ? " compressed" : "", NULL);
}

/* Of the steps from `first` on, and of what follows them. */
static void start_eta(const Job *job, guint first, CcbBackend backend)
{
    double fraction, left;
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    const CcbPlan *p = job->loaded.plan;
    for (guint i = first; i < p->steps->len; i++)
        g_ptr_array_add(parts, ccb_chain_eta_name(p->steps->pdata[i], backend));
    for (guint i = 0; i < job->formats->len; i++)
        g_ptr_array_add(parts, emit_eta_name(job, job->formats->pdata[i]));
    if (!opts.no_verify) {
        g_ptr_array_add(parts, g_strdup(COMPARE_ETA_NAME));
        g_ptr_array_add(parts, g_strdup(VERIFY_ETA_NAME));
    }
    ccb_eta_start((const char *const *)parts->pdata, parts->len);
    if (!ccb_eta_now(&fraction, &left) || left < 0)
        return;
    double saving = ccb_eta_saving_s();
    g_autofree char *text = ccb_format_seconds(left);
    g_autofree char *less = ccb_format_seconds(left - saving);
    ccb_progress_line("%-8s about %s, as it took before%s%s%s", "expect", text,
                      saving > 1 ? "; " : "", saving > 1 ? less : "",
                      saving > 1 ? " where the driver's modules are in the cache" : "");
}

/* For --shell-on-error.  The step's error is printed here, too: it is what the user wants to look into. */
static void open_shell(CcbGuest *guest, const CcbStep *step, const GError *reason)
{
    g_autoptr(GError) error = NULL;
    int status;
    g_autofree char *shown = ccb_text_printable(reason->message, strlen(reason->message));
    printf("\n%s\n\nThis shell is in the image as step \"%s\" left it.  \"exit\" ends it, and the "
           "bake with the "
           "error above.\n",
           shown, step->id);
    if (!ccb_shell_run(guest, step->id, &status, &error))
        ccb_warn("%s", error->message);
}

/* What to do after a step has failed: where its output is, and how to try its commands. */
static void hint_at_shell(const Job *job, const CcbStep *step, CcbBackend backend, const char *log,
                          GError **error)
{
    const CcbOption load[] = {CCB_LOAD_OPTIONS(opts.load), {0}};
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    ccb_options_to_argv(load, words);
    if (strcmp(opts.backend, "auto") != 0)
        ccb_argv_add(words, "--backend=host", NULL);
    ccb_argv_add(words, job->recipe_path, step->id, NULL);
    g_autoptr(GString) command = g_string_new("ccbake shell");
    for (guint i = 0; i < words->len; i++) {
        g_autofree char *quoted = ccb_word_quoted(words->pdata[i]);
        g_string_append_printf(command, " %s", quoted);
    }
    if (opts.shell)
        ccb_hint(error, "the whole log is %s", log);
    else if (backend == CCB_BACKEND_HOST)
        ccb_hint(error,
                 "the whole log is %s; `%s` opens a shell in the image before this step, and "
                 "`ccbake bake --shell-on-error` one as the step leaves it",
                 log, command->str);
    else
        ccb_hint(error,
                 "the whole log is %s; with --backend=host, --shell-on-error opens a shell in the "
                 "image as the step leaves it",
                 log);
}

static bool bake_steps(const Job *job, const CcbFacts *base, CcbBackend backend, CcbWork *work,
                       const CcbOutput *output, int log, CcbChain *chain, GError **error)
{
    const CcbChainOptions bake = {
        .plan = job->loaded.plan,
        .keys = (const char *const *)job->keys,
        .base = base,
        .backend = backend,
        .work = work,
        .fresh = wants_new(),
        .no_cache = opts.no_cache,
        .log = log,
        .log_path = output->log,
        .on_failure = opts.shell ? open_shell : NULL,
    };
    start_eta(job, chain->first, backend);
    if (ccb_chain_build(&bake, chain, error))
        return true;
    if (chain->failed != NULL)
        hint_at_shell(job, chain->failed, backend, output->log, error);
    return false;
}

/* --- emit and check */

/* Returns the source of the outputs. */
static CcbEmitSource *emit(const Job *job, const CcbOutput *output, const CcbFacts *base,
                           const CcbLayer *top, const CcbWork *work, GError **error)
{
    g_autofree char *copy = g_build_filename(work->dir, "source.qcow2", NULL);
    g_autoptr(CcbEmitSource) source = ccb_emit_source_open(
        top ? top->path : base->path, top ? "qcow2" : base->format, copy, error);
    if (source == NULL)
        return NULL;
    for (guint i = 0; i < job->formats->len; i++) {
        const CcbEmitFormat *format = job->formats->pdata[i];
        g_autofree char *part = emit_eta_name(job, format);
        ccb_eta_begin(part);
        if (!ccb_emit_write(source, format, ccb_output_image(output, i), job->compressed, error))
            return NULL;
    }
    return g_steal_pointer(&source);
}

static bool compare(const Job *job, const CcbOutput *output, const CcbEmitSource *source,
                    GError **error)
{
    ccb_eta_begin(COMPARE_ETA_NAME);
    for (guint i = 0; i < job->formats->len; i++)
        if (!ccb_emit_compare(source, job->formats->pdata[i], ccb_output_image(output, i), error))
            return false;
    return true;
}

/* Checks the first output; the others hold the same disk.  Commands of the recipe's checks run through `backend`. */
static bool check(const Job *job, const CcbOutput *output, CcbBackend backend, int log,
                  CcbFindings *ret, GError **error)
{
    const char *format = ((const CcbEmitFormat *)job->formats->pdata[0])->format;
    g_auto(CcbSandbox) copy = {output->temporary, format, backend, log, NULL};
    const CcbCheckSandbox sandbox = {ccb_sandbox_open, &copy};
    const CcbGuestOptions open_options = {
        .image = output->temporary,
        .format = format,
        .backend = CCB_BACKEND_READER,
        .read_only = true,
        .log_fd = -1,
    };
    ccb_progress_begin("verify", output->path, 0);
    ccb_progress_announce(output->path);
    CcbGuest *guest = ccb_guest_open(&open_options, error);
    bool ok =
        guest != NULL && ccb_findings_read(guest, &job->loaded.plan->expect, &sandbox, ret, error);
    ccb_guest_free(guest);
    if (!ok) {
        ccb_progress_abort();
        return false;
    }
    const CcbResults *report = ret->checks;
    g_autofree char *text = ccb_results_to_text(report, false, false);
    ccb_write_all(log, text, strlen(text), output->log, NULL);
    g_autofree char *waived =
        report->waived > 0 ? g_strdup_printf(", %u waived", report->waived) : g_strdup("");
    g_autofree char *note = g_strdup_printf("%u passed, %u failed%s", report->passed,
                                            report->failed + report->unreadable, waived);
    ccb_progress_end(note);
    return true;
}

/* --- publish */

/* The files of --json, --tap and --junit, whatever the verdict is. */
static bool write_results(const CcbResults *results, const json_t *checks, const char *subject,
                          GError **error)
{
    ccb_autofree char *dump =
        opts.json ? json_dumps(checks, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    g_autofree char *json = opts.json ? g_strconcat(dump, "\n", NULL) : NULL;
    g_autofree char *tap = opts.tap ? ccb_results_to_tap(results) : NULL;
    g_autofree char *junit = opts.junit ? ccb_results_to_junit(results, subject) : NULL;
    return (json == NULL || ccb_write_file_atomic(opts.json, json, strlen(json), error)) &&
           (tap == NULL || ccb_write_file_atomic(opts.tap, tap, strlen(tap), error)) &&
           (junit == NULL || ccb_write_file_atomic(opts.junit, junit, strlen(junit), error));
}

/* The report as HTML; caller frees.  `checks` NULL: there were none. */
static char *render(const Job *job, const json_t *manifest, const json_t *checks,
                    const CcbFindings *findings, CcbComparison *comparison, bool unpublished)
{
    json_auto_t *diff = ccb_comparison_finish(comparison);
    g_autofree char *name = g_path_get_basename(job->paths[0]);
    g_autofree char *own = ccb_output_manifest_path(job->paths[0]);
    g_autofree char *manifest_file = g_path_get_basename(own);
    g_autofree char *log = ccb_output_sibling(job->paths[0], "log");
    g_autofree char *log_file = g_path_get_basename(log);
    g_autofree char *no_diff =
        opts.no_verify
            ? g_strdup(not_verified)
            : g_strdup_printf("The comparison failed; `ccbake report %s` tries again.", name);
    const CcbPage page = {
        .image = name,
        .manifest = manifest,
        .checks = checks,
        .diff = diff,
        .no_diff = no_diff,
        .plot = findings->plot,
        .no_plot = opts.no_verify ? not_verified : findings->no_plot,
        .unpublished = unpublished,
        .manifest_file = unpublished ? NULL : manifest_file,
        .log_file = log_file,
    };
    return ccb_page_to_html(&page);
}

/* Gives the outputs their names, or writes the report of an image that failed its checks.  `facts`
 * lacks what is known only now: the checks. */
static bool publish(const Job *job, CcbManifest *facts, CcbOutput *output,
                    const CcbFindings *findings, CcbComparison *comparison, GError **error)
{
    json_auto_t *checks = findings->checks ? ccb_results_to_json(findings->checks) : NULL;
    g_autofree char *check_set = ccb_check_set();
    facts->checks = checks;
    facts->check_set = check_set;
    facts->all_s = seconds_since(job->started);
    json_auto_t *manifest = ccb_manifest_build(facts, error);
    if (manifest == NULL)
        return false;
    if (checks != NULL && !write_results(findings->checks, checks, job->paths[0], error))
        return false;
    bool good = checks == NULL || ccb_results_verdict(findings->checks, error);
    g_autofree char *html = render(job, manifest, checks, findings, comparison, !good);
    if (good)
        return ccb_output_publish(output, manifest, html, error);
    g_autoptr(GError) no_report = NULL;
    g_autoptr(GError) no_image = NULL;
    if (!ccb_write_file_atomic(output->failed, html, strlen(html), &no_report))
        ccb_warn("%s", no_report->message);
    if (opts.keep_failed && !ccb_output_keep_failed(output, &no_image))
        ccb_warn("%s", no_image->message);
    g_autofree char *bad =
        ccb_results_bad_to_text(findings->checks, ccb_color_wanted(STDOUT_FILENO));
    fputs(bad, stdout);
    g_autofree char *image = ccb_output_failed_path(output->path);
    return ccb_hint(error, "nothing was published; the report is %s, and the log %s%s%s",
                    output->failed, output->log,
                    opts.keep_failed ? "; the image is " : "; --keep-failed keeps the image as ",
                    image);
}

/* --- all of it */

/* ", gpu.vhd, gpu.raw": of the outputs but the first; caller frees. */
static char *other_paths(const Job *job)
{
    g_autofree char *all = g_strjoinv(", ", job->paths);
    return g_strdup(all + strlen(job->paths[0]));
}

static bool make(const Job *job, GError **error)
{
    CcbPlan *const p = job->loaded.plan;
    g_autoptr(CcbOutput) output = reserve(job, error);
    if (output == NULL)
        return false;
    CcbBackend backend = ccb_choose_backend(opts.backend, "the bake runs", error);
    if (backend == CCB_BACKEND_AUTO ||
        (opts.shell && !ccb_shell_check("--shell-on-error", backend, error)))
        return false;
    json_auto_t *inputs = ccb_inputs_read(p, (const char *const *)job->keys, error);
    if (inputs == NULL)
        return false;

    g_autoptr(CcbStore) store = ccb_plan_store(error);
    g_autoptr(CcbFacts) base = store ? fetch_base(job, store, error) : NULL;
    g_autoptr(CcbWork) work = NULL; /* outlives the chain */
    g_auto(CcbChain) chain = {0};
    if (base == NULL || !check_problems(job, base, error) ||
        !begin_chain(job, base, &chain, error) ||
        !ccb_plan_fetch(p, chain.first, store, opts.offline, error))
        return false;
    work = ccb_work_open(error);
    if (work == NULL || !check_space(job, base, chain.first, backend, error))
        return false;

    ccb_autofd int log = open_log(output, error);
    if (log < 0 || !bake_steps(job, base, backend, work, output, log, &chain, error))
        return false;

    gint64 emission = g_get_monotonic_time();
    g_autoptr(CcbEmitSource) source = emit(job, output, base, chain.top, work, error);
    if (source == NULL)
        return false;
    double emit_s = seconds_since(emission), verify_s = 0;

    g_auto(CcbFindings) findings = {0};
    g_auto(CcbComparison) comparison = {.output = -1};
    if (!opts.no_verify) {
        if (!compare(job, output, source, error))
            return false;
        gint64 verification = g_get_monotonic_time();
        ccb_eta_begin(VERIFY_ETA_NAME);
        /* For the report, beside the checks, which leave a core idle. */
        ccb_comparison_start(&comparison, CCB_BACKEND_READER, base->path, output->temporary);
        if (!check(job, output, backend, log, &findings, error))
            return false;
        verify_s = seconds_since(verification);
    }

    CcbManifest facts = {
        .plan = p,
        .inputs = inputs,
        .base = base,
        .result = chain.facts,
        .keys = (const char *const *)job->keys,
        .key = last_key(job),
        .formats = job->formats,
        .output = output,
        .compressed = job->compressed,
        .backend = ccb_backend_name(backend),
        .times = chain.times,
        .emit_s = emit_s,
        .verify_s = verify_s,
    };
    if (!publish(job, &facts, output, &findings, &comparison, error))
        return false;
    ccb_eta_finish();
    g_autofree char *took = ccb_format_seconds(seconds_since(job->started));
    g_autofree char *others = other_paths(job);
    ccb_progress_result("baked", job->paths[0], "%s in %s; kernel %s; report %s, log %s", others,
                        took, chain.facts->default_kver, output->report, output->log);
    return true;
}

static bool bake_one(const char *recipe_path, GError **error)
{
    g_auto(Job) job = {.recipe_path = recipe_path, .started = g_get_monotonic_time()};
    if (!plan(&job, error))
        return false;
    if (wants_new() || !is_there(&job, !opts.no_verify))
        return make(&job, error);
    g_autofree char *others = other_paths(&job);
    ccb_progress_result("current", job.paths[0], "%s %s what this recipe bakes: nothing to do",
                        others, job.formats->len > 1 ? "are" : "is");
    /* The report is not written again: that needs the image opened. */
    g_autofree char *report = ccb_output_report_path(job.paths[0]);
    if (!g_file_test(report, G_FILE_TEST_EXISTS))
        ccb_warn("there is no %s; `ccbake report %s` writes it", report, job.paths[0]);
    return true;
}

/* Each image is baked by a ccbake of its own, with our options but those that are for all of them. */
static bool bake_matrix(const char *recipe_path, GError **error)
{
    const CcbMatrixOptions all = {
        .recipe_path = recipe_path,
        .load = &opts.load,
        .directory = opts.output ? opts.output : ".",
        .backend = ccb_choose_backend(opts.backend, NULL, error), /* asked once, and remembered */
        .at_a_time = opts.jobs,
        .table = options,
    };
    if (all.backend == CCB_BACKEND_AUTO)
        return false;
    opts.matrix = false;
    opts.output = NULL;
    opts.jobs = 0;
    return ccb_matrix_bake(&all, error);
}

static bool run(int argc, char **argv, GError **error)
{
    if (opts.shell && opts.matrix)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--shell-on-error is for one image of the matrix: choose it by --set");
    if (opts.shell && !ccb_terminal_is_there())
        return ccb_fail(error, CCB_ERR_USAGE, "--shell-on-error needs a terminal");
    if (opts.jobs > 0 && !opts.matrix)
        return ccb_fail(error, CCB_ERR_USAGE, "--jobs is for --matrix");
    if ((opts.json || opts.tap || opts.junit) && (opts.matrix || opts.no_verify))
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--json, --tap and --junit are for the checks of one image");
    if (ccb_progress_options.quiet && ccb_progress_options.verbose)
        return ccb_fail(error, CCB_ERR_USAGE, "--quiet and --verbose exclude each other");
    const char *const files[] = {opts.json, opts.tap, opts.junit};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i] != NULL && !ccb_check_directory_of(files[i], error))
            return false;
    return opts.matrix ? bake_matrix(argv[0], error) : bake_one(argv[0], error);
}

const CcbVerb ccb_verb_bake = {
    .name = "bake",
    .arguments = "RECIPE",
    .summary = "bake an image",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
