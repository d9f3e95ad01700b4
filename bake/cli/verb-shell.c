/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ccbake shell: a shell, or a command, in an image or in what a step of a recipe begins with or leaves.  It runs in a
 * throw-away overlay.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/pty.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/shell.h"
#include "image/qemu-img.h"
#include "layer/chain.h"
#include "plan/acquire.h"
#include "plan/space.h"

/* Bytes, beside what the step needs. */
#define SCRATCH (2ull << 30)

static struct {
    CcbLoadOptions load;
    const char *backend;
    bool after, network;
} opts = {.backend = "auto"};

static const CcbOption options[] = {
    {"after", 0, CCB_OPT_FLAG, &opts.after, NULL, "in the image after the step, not before it"},
    {"network", 0, CCB_OPT_FLAG, &opts.network, NULL, "with access to the network"},
    CCB_LOAD_OPTIONS(opts.load),
    CCB_BACKEND_OPTIONS(opts.backend),
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* What the overlay is made over, and what the shell finds there. */
typedef struct {
    const char *path, *format;
    const char *name;          /* for the prompt */
    const GPtrArray *payloads; /* CcbAttachment, or NULL */
    uint64_t scratch;          /* bytes that the step needs */
} Place;

/* Runs the command, or a shell where that is NULL, in an overlay; fails silently as the command did. */
static bool run_in(const Place *place, CcbBackend backend, char *const *command, GError **error)
{
    int status = 0;
    g_autoptr(CcbWork) work = ccb_work_open(error);
    if (work == NULL || !ccb_image_create_overlay(work->overlay, place->path, place->format, error))
        return false;
    const CcbGuestOptions open = {
        .image = work->overlay,
        .format = "qcow2",
        .backend = backend,
        .network = opts.network,
        .scratch_dir = work->scratch,
        .scratch_size = place->scratch + SCRATCH,
        .payloads = place->payloads,
        .log_fd = -1,
    };
    g_autoptr(CcbGuest) guest = ccb_guest_open(&open, error);
    if (guest == NULL)
        return false;
    if (command != NULL) {
        CcbCommand words = {.argv = (const char *const *)command};
        if (!ccb_guest_shell(guest, &words, error))
            return false;
        status = words.ret_status;
    } else if (!ccb_shell_run(guest, place->name, &status, error)) {
        return false;
    }
    return status == 0 || ccb_fail_silently(error, status);
}

static bool run_in_image(const char *image, CcbBackend backend, char *const *command,
                         GError **error)
{
    g_autofree char *path = g_canonicalize_filename(image, NULL);
    g_autofree char *name = g_path_get_basename(image);
    g_autofree char *format = ccb_image_format(path, error);
    if (format == NULL)
        return false;
    const Place place = {.path = path, .format = format, .name = name};
    return run_in(&place, backend, command, error);
}

/* The layer that the last of `n` steps left; *ret NULL for the base. */
static bool find_layer(const CcbPlan *plan, char *const *keys, guint n, GArray *use, CcbLayer **ret,
                       GError **error)
{
    GError *reason = NULL;
    *ret = n > 0 ? ccb_layer_find(keys[n - 1], use, &reason) : NULL;
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    if (n == 0 || *ret != NULL)
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "the cache has no layer of step \"%s\"",
             ((const CcbStep *)plan->steps->pdata[n - 1])->id);
    return ccb_hint(
        error, "`ccbake bake --backend=host` makes one of each step, also if a later one fails");
}

static bool run_at_step(const char *recipe, const char *id, CcbBackend backend,
                        char *const *command, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    guint index = 0;
    if (!ccb_load(recipe, &opts.load, &loaded, error) ||
        !ccb_plan_find_step(loaded.plan, id, &index, error) ||
        !ccb_plan_require_pins(loaded.plan, error))
        return false;
    CcbPlan *plan = loaded.plan;
    const CcbStep *step = plan->steps->pdata[index];
    g_auto(GStrv) keys = ccb_chain_keys(plan, error);
    g_autoptr(CcbStore) store = keys != NULL ? ccb_plan_store(error) : NULL;
    if (store == NULL || !ccb_plan_fetch_base(plan, store, false, error) ||
        !ccb_payloads_fetch(step->payloads, store, false, error))
        return false;
    g_autofree char *format = ccb_image_format(plan->base->path, error);
    if (format == NULL)
        return false;
    const CcbLayerBase base = {plan->base->path, format, plan->base->sha256};
    g_autoptr(GArray) use = ccb_layer_use_new();
    g_autoptr(CcbLayer) layer = NULL;
    if (!ccb_layer_link_base(&base, error) ||
        !find_layer(plan, keys, opts.after ? index + 1 : index, use, &layer, error))
        return false;
    g_autoptr(GPtrArray) payloads = ccb_attachments_of(plan->steps, index, index + 1);
    const Place place = {
        .path = layer ? layer->path : base.path,
        .format = layer ? "qcow2" : base.format,
        .name = step->id,
        .payloads = payloads,
        .scratch = ccb_step_space(step).scratch,
    };
    return run_in(&place, backend, command, error);
}

static bool run(int argc, char **argv, GError **error)
{
    char *const *command = argv[argc] != NULL ? argv + argc + 1 : NULL;
    if (argc == 1 && (g_str_has_suffix(argv[0], ".yaml") || g_str_has_suffix(argv[0], ".yml")))
        return ccb_fail(error, CCB_ERR_USAGE, "shell: name a step of %s, too", argv[0]);
    if (argc == 1 && opts.after)
        return ccb_fail(error, CCB_ERR_USAGE, "shell: --after is for a step of a recipe");
    if (command != NULL && *command == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "shell: there is no command after --");
    if (command == NULL && !ccb_terminal_is_there()) {
        ccb_fail(error, CCB_ERR_USAGE, "a shell needs a terminal");
        return ccb_hint(error, "`ccbake shell ... -- COMMAND` runs a command without one");
    }
    CcbBackend backend = ccb_choose_backend(opts.backend, NULL, error);
    if (backend == CCB_BACKEND_AUTO ||
        (command == NULL && !ccb_shell_check("a shell", backend, error)))
        return false;
    return argc == 1 ? run_in_image(argv[0], backend, command, error)
                     : run_at_step(argv[0], argv[1], backend, command, error);
}

const CcbVerb ccb_verb_shell = {
    .name = "shell",
    .arguments = "RECIPE STEP | IMAGE",
    .summary = "open a shell in a throw-away copy of an image",
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .takes_command = true,
    .run = run,
};
