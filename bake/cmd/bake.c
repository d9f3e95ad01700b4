/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake bake`: resolve, then act.
 *
 * 1. plan      recipe, lock, output, door, space: everything that can be refused is refused here
 * 2. fetch     the base and the payloads are on this host and are what they should be
 * 3. bake      the steps, in an overlay that no one else sees
 * 4. emit      overlay ► temporary file beside the output
 * 5. check     that file, read-only, through libguestfs
 * 6. publish   manifest and image get their names
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/progress.h"
#include "check/check.h"
#include "cmd/load.h"
#include "cmd/verbs.h"
#include "emit/format.h"
#include "emit/manifest.h"
#include "emit/output.h"
#include "guest/door.h"
#include "guest/image.h"
#include "layer/work.h"
#include "plan/acquire.h"

static CcbLoadOptions load;
static const char *output_path, *door_name = "auto";
static bool offline, force, compress, no_verify, quiet;

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &output_path, "FILE", "the image; default: NAME.qcow2 of the recipe"},
    CCB_LOAD_OPTIONS(load),
    {"door", 0, CCB_OPT_STRING, &door_name, "auto|appliance|host", "how the image is opened"},
    {"offline", 0, CCB_OPT_FLAG, &offline, NULL, "use what is at hand, download nothing"},
    {"compress", 'c', CCB_OPT_FLAG, &compress, NULL, "compress the output, whatever the recipe says"},
    {"force", 'f', CCB_OPT_FLAG, &force, NULL, "replace an output that exists"},
    {"no-verify", 0, CCB_OPT_FLAG, &no_verify, NULL, "do not check the emitted image"},
    {"quiet", 'q', CCB_OPT_FLAG, &quiet, NULL, "print warnings and errors only"},
    {0},
};

typedef struct {
    CcbLoaded loaded;
    CcbOutput *output;
    CcbStore *store;
    CcbWork *work;
    CcbDoor door;
    CcbFacts *base, *result;
    CcbReport *report;
    GArray *times; /* CcbStepTime */
    int log;
} Session;

static void session_clear(Session *s)
{
    ccb_report_free(s->report);
    ccb_facts_free(s->base);
    ccb_facts_free(s->result);
    ccb_work_free(s->work);
    ccb_output_free(s->output);
    ccb_store_free(s->store);
    if (s->times)
        g_array_unref(s->times);
    ccb_close_fd(&s->log);
    ccb_loaded_clear(&s->loaded);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static bool reserve_output(Session *s, GError **error)
{
    const CcbRecipe *recipe = s->loaded.recipe;
    g_autofree char *name = g_strconcat(recipe->output_name, ".", recipe->formats[0], NULL);
    s->output = ccb_output_reserve(output_path ? output_path : name, force, error);
    if (s->output == NULL)
        return false;
    s->log = open(s->output->log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    return s->log >= 0 || ccb_fail_errno(error, CCB_ERR_IO, "creating the log %s", s->output->log);
}

static bool choose_door(Session *s, GError **error)
{
    CcbDoor wanted;
    g_autofree char *reason = NULL;
    if (!ccb_door_from_name(door_name, &wanted, error))
        return false;
    s->door = ccb_door_choose(wanted, &reason, error);
    if (s->door == CCB_DOOR_AUTO)
        return false;
    if (g_str_has_prefix(reason, "under emulation"))
        ccb_warn("the bake runs %s", reason);
    else
        ccb_progress_line("%-8s %s: %s", "door", ccb_door_name(s->door), reason);
    return true;
}

static bool plan(Session *s, const char *recipe_path, GError **error)
{
    if (!ccb_load(recipe_path, &load, &s->loaded, error) ||
        !ccb_plan_require_pins(s->loaded.plan, error) || !reserve_output(s, error) ||
        !choose_door(s, error))
        return false;
    s->store = ccb_plan_store(error);
    return s->store != NULL;
}

/* What the base holds is about what its virtual size lacks in free space. */
static bool check_space(Session *s, GError **error)
{
    const CcbPlan *p = s->loaded.plan;
    const CcbPartition *root = ccb_disk_partition(s->base->disk, s->base->disk->root);
    uint64_t used = root ? root->size - MIN(root->size, s->base->free_bytes) : 0;
    g_autofree char *dir = g_path_get_dirname(s->output->path);
    return ccb_plan_check_space("the output", dir, used + p->image_need, error) &&
           ccb_plan_check_space("the bake", s->work->dir, p->scratch_need + p->image_need, error);
}

static bool fetch(Session *s, GError **error)
{
    if (!ccb_plan_fetch(s->loaded.plan, s->store, offline, error))
        return false;
    s->base = ccb_facts_of_image(s->loaded.plan->base->path, s->door, error);
    if (s->base == NULL || !ccb_plan_check_base(s->loaded.plan, s->base, error))
        return false;
    s->work = ccb_work_open(error);
    return s->work && check_space(s, error) &&
           ccb_image_create_overlay(s->work->overlay, s->base->path, s->base->format, error);
}

static GPtrArray *attachments(const CcbPlan *p)
{
    g_autoptr(GPtrArray) payloads = ccb_plan_payloads(p);
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < payloads->len; i++) {
        const CcbPayload *payload = payloads->pdata[i];
        CcbAttachment *a = g_new0(CcbAttachment, 1);
        *a = (CcbAttachment){payload->name, payload->path};
        g_ptr_array_add(list, a);
    }
    return list;
}

static CcbGuest *open_guest(Session *s, const GPtrArray *payloads, GError **error)
{
    CcbGuestOptions open_options = {.image = s->work->overlay,
                                    .format = "qcow2",
                                    .door = s->door,
                                    .scratch_dir = s->work->scratch,
                                    .scratch_size = s->loaded.plan->scratch_need + (2ull << 30),
                                    .payloads = payloads,
                                    .log_fd = s->log};
    ccb_progress_begin("open", s->base->os_name, 0);
    CcbGuest *guest = ccb_guest_open(&open_options, error);
    if (guest == NULL)
        ccb_progress_abort();
    else
        ccb_progress_end(ccb_door_name(s->door));
    return guest;
}

static bool run_step(Session *s, CcbBake *bake, guint index, GError **error)
{
    const GPtrArray *steps = s->loaded.plan->steps;
    const CcbStep *step = steps->pdata[index];
    g_autofree char *what = step->kind->describe(s->loaded.recipe, step);
    g_autofree char *tag = g_strdup_printf("%u/%u", index + 1, steps->len);
    g_autofree char *title = g_strdup_printf("%s: %s", step->id, what);
    g_autofree char *heading = g_strdup_printf("\n=== step %s %s\n", tag, title);
    if (!ccb_write_all(s->log, heading, strlen(heading), s->output->log, error))
        return false;
    ccb_progress_begin(tag, title, 0);
    gint64 started = g_get_monotonic_time();
    if (!step->kind->run(bake, step, error)) {
        ccb_progress_abort();
        g_prefix_error(error, "step %s (%s): ", tag, step->id);
        return ccb_hint(error, "the whole log is %s", s->output->log);
    }
    ccb_progress_end(NULL);
    double seconds = (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
    CcbStepTime took = {step->id, seconds};
    g_array_append_val(s->times, took);
    return true;
}

/* The facts move from the base's to the result's as the steps refresh them. */
static bool run_steps(Session *s, CcbGuest *guest, GError **error)
{
    CcbBake bake = {.guest = guest, .recipe = s->loaded.recipe, .jobs = g_get_num_processors()};
    bake.facts = ccb_facts_of_guest(guest, error);
    bool ok = bake.facts != NULL;
    for (guint i = 0; ok && i < s->loaded.plan->steps->len; i++)
        ok = run_step(s, &bake, i, error);
    ok = ok && ccb_bake_refresh(&bake, error);
    s->result = bake.facts;
    return ok;
}

static bool bake_steps(Session *s, GError **error)
{
    g_autoptr(GPtrArray) payloads = attachments(s->loaded.plan);
    CcbGuest *guest = open_guest(s, payloads, error);
    if (guest == NULL)
        return false;
    s->times = g_array_new(FALSE, FALSE, sizeof(CcbStepTime));
    if (!run_steps(s, guest, error)) {
        ccb_guest_free(guest);
        return false;
    }
    ccb_progress_begin("close", "writing the file system back", 0);
    if (!ccb_guest_close(guest, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    return true;
}

static bool emit(Session *s, GError **error)
{
    const CcbRecipe *recipe = s->loaded.recipe;
    const CcbEmitFormat *format = ccb_emit_format(recipe->formats[0]);
    bool small = compress || recipe->compress;
    ccb_progress_begin("emit", s->output->path, 0);
    if (!format->write(s->work->overlay, s->output->temporary, small, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(small ? "compressed" : NULL);
    return true;
}

static bool check(Session *s, GError **error)
{
    if (no_verify)
        return true;
    g_auto(CcbExpectation) expect = {0};
    CcbGuestOptions open_options = {.image = s->output->temporary,
                                    .format = "qcow2",
                                    .door = CCB_DOOR_APPLIANCE,
                                    .read_only = true,
                                    .log_fd = -1};
    ccb_expectation_of(s->loaded.recipe, &expect);
    ccb_progress_begin("verify", s->output->path, 0);
    CcbGuest *guest = ccb_guest_open(&open_options, error);
    bool ok = guest != NULL && ccb_check_image(guest, &expect, &s->report, error);
    ccb_guest_free(guest);
    if (!ok) {
        ccb_progress_abort();
        return false;
    }
    g_autofree char *text = ccb_report_to_text(s->report);
    ccb_write_all(s->log, text, strlen(text), s->output->log, NULL);
    g_autofree char *note = g_strdup_printf("%u passed, %u failed", s->report->passed,
                                            s->report->failed + s->report->unreadable);
    ccb_progress_end(note);
    if (ccb_report_verdict(s->report, error))
        return true;
    return ccb_hint(error, "nothing was published; the whole report is in %s", s->output->log);
}

static bool publish(Session *s, GError **error)
{
    CcbManifest facts = {.plan = s->loaded.plan,
                         .base = s->base,
                         .result = s->result,
                         .image = s->output->temporary,
                         .door = ccb_door_name(s->door),
                         .times = s->times};
    json_t *checks = s->report ? ccb_report_to_json(s->report) : NULL;
    facts.checks = checks;
    json_t *manifest = ccb_manifest_build(&facts, error);
    bool ok = manifest != NULL && ccb_output_publish(s->output, manifest, error);
    json_decref(manifest);
    json_decref(checks);
    return ok;
}

static bool run(int argc, char **argv, GError **error)
{
    (void)argc;
    g_auto(Session) s = {.log = -1};
    gint64 started = g_get_monotonic_time();
    if (quiet)
        ccb_progress_set_mode(CCB_PROGRESS_QUIET);
    if (!plan(&s, argv[0], error) || !fetch(&s, error) || !bake_steps(&s, error) ||
        !emit(&s, error) || !check(&s, error) || !publish(&s, error))
        return false;
    g_autofree char *took =
        ccb_format_seconds((double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC);
    ccb_progress_line("%-8s %s in %s; kernel %s", "baked", s.output->path, took,
                      s.result->default_kver);
    return true;
}

const CcbVerb ccb_verb_bake = {
    "bake", "RECIPE", "bake an image", options, 1, 1, run,
};
