/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake verify IMAGE: checks an image by itself, read-only. */
#include <stdio.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/options.h"
#include "base/progress.h"
#include "check/run.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/print-results.h"
#include "cli/sandbox.h"
#include "emit/manifest.h"

static struct {
    const char *recipe, *gpus, *backend, *format;
    GPtrArray *settings;
    bool no_manifest, strict, list;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    {"recipe", 0, CCB_OPT_STRING, &opts.recipe, "FILE",
     "expect what this recipe bakes (otherwise what the manifest says)"},
    {"no-manifest", 0, CCB_OPT_FLAG, &opts.no_manifest, NULL,
     "ignore the manifest beside the image: find out from the image what to expect"},
    {"set", 's', CCB_OPT_LIST, &opts.settings, "NAME=VALUE",
     "give a variable of the recipe another value"},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8", "the number of GPUs the image is for"},
    CCB_READ_BACKEND_OPTIONS(opts.backend),
    CCB_FORMAT_OPTIONS(opts.format, CCB_RESULTS_FORMATS, "how the report is printed (text)"),
    {"strict", 0, CCB_OPT_FLAG, &opts.strict, NULL, "let warnings fail the image"},
    {"list", 0, CCB_OPT_FLAG, &opts.list, NULL,
     "print the checks, with --recipe also those of the recipe, and do nothing"},
    CCB_PARANOID_OPTION,
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* A manifest may have come with the image: the commands of its checks are not run. */
static bool check_guest(CcbGuest *guest, const CcbExpectation *expect, CcbSandbox *copy,
                        CcbResults **ret_report, GError **error)
{
    const CcbCheckSandbox sandbox = {ccb_sandbox_open, copy};
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    ctx->sandbox = opts.recipe != NULL ? &sandbox : NULL;
    return ccb_check_image(ctx, ret_report, error);
}

/* Of the manifest beside the image, where it is of this very file. */
static bool expect_manifest(const char *image, CcbExpectation *ret, char **ret_note, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *path = ccb_output_manifest_path(image);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true; /* and the image need not be digested */
    g_autofree char *sha256 = ccb_digest_image(image, error);
    if (sha256 == NULL)
        return false;
    json_auto_t *manifest = ccb_manifest_beside(image, sha256, &reason);
    if (reason != NULL)
        ccb_warn("%s; it is ignored", reason->message);
    if (manifest == NULL)
        return true;
    ccb_expectation_from_json(json_object_get(manifest, "expected"), ret);
    const char *recipe = ccb_manifest_recipe(manifest);
    *ret_note = g_strdup_printf("expected  by the manifest %s (recipe %s)", path,
                                recipe != NULL ? recipe : "unknown");
    return true;
}

/* What the image should be, and a note that says who says so, or NULL. */
static bool find_expectation(const char *image, CcbExpectation *ret, char **ret_note,
                             GError **error)
{
    if (opts.recipe == NULL)
        return opts.no_manifest || expect_manifest(image, ret, ret_note, error);
    if (!ccb_load_expectation(opts.recipe, opts.settings, ret, error))
        return false;
    *ret_note = g_strdup_printf("expected  by the recipe %s", opts.recipe);
    return true;
}

static bool check(const char *path, CcbResults **ret_report, GError **error)
{
    g_auto(CcbExpectation) expect = {0};
    g_autofree char *note = NULL;
    if (!find_expectation(path, &expect, &note, error))
        return false;
    if (opts.gpus != NULL)
        expect.gpus = (unsigned)g_ascii_strtoull(opts.gpus, NULL, 10);
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    ccb_progress_begin("verify", path, 0);
    ccb_progress_announce(path);
    g_auto(CcbSandbox) copy = {path, NULL, backend, -1, NULL};
    g_autoptr(CcbGuest) guest = ccb_open_unclean_image(path, backend, error);
    if (guest == NULL || !check_guest(guest, &expect, &copy, ret_report, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    if (note != NULL)
        g_ptr_array_insert((*ret_report)->notes, 0, g_steal_pointer(&note));
    return true;
}

static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(CcbResults) report = NULL;
    if (opts.list) {
        g_auto(CcbExpectation) expect = {0};
        if (opts.recipe != NULL &&
            !ccb_load_expectation(opts.recipe, opts.settings, &expect, error))
            return false;
        g_autofree char *table = ccb_check_table(&expect);
        fputs(table, stdout);
        return true;
    }
    if (argc != 1)
        return ccb_fail(error, CCB_ERR_USAGE, "verify: name an image, or use --list");
    if (!check(argv[0], &report, error))
        return false;
    report->strict = opts.strict;
    ccb_print_results(report, opts.format, argv[0], ccb_progress_options.quiet);
    return ccb_results_verdict(report, error);
}

const CcbVerb ccb_verb_verify = {
    .name = "verify",
    .arguments = "IMAGE",
    .summary = "check an image, read-only",
    .options = options,
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
