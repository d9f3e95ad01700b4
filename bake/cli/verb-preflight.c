/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake preflight`: would the cloud take this image, and would this instance type start it? */
#include "base/error.h"
#include "base/progress.h"
#include "check/check-request.h"
#include "cli/open-image.h"
#include "cli/print-results.h"
#include "cli/verbs.h"
#include "image/qemu-img.h"

static struct {
    const char *region, *zone, *type, *name, *gpus, *backend, *format;
    bool strict;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    {"instance-type", 0, CCB_OPT_STRING, &opts.type, "TYPE", "what is to start from the image"},
    {"region", 'r', CCB_OPT_STRING, &opts.region, "REGION", "where; default: where the type is"},
    {"zone", 0, CCB_OPT_STRING, &opts.zone, "ZONE", "where in it; default: where the type is"},
    {"name", 'n', CCB_OPT_STRING, &opts.name, "NAME", "what the image is to be called there"},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8",
     "of the image, and of a type that ccbake does not know"},
    CCB_READ_BACKEND_OPTIONS(opts.backend),
    CCB_FORMAT_OPTIONS(opts.format, CCB_RESULTS_FORMATS, "how the report is printed (text)"),
    {"strict", 0, CCB_OPT_FLAG, &opts.strict, NULL, "let warnings fail the image"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static unsigned gpus_wanted(void)
{
    return opts.gpus != NULL ? (unsigned)(opts.gpus[0] - '0') : 0;
}

static bool check(const CcbCheckRequest *request, CcbResults **ret_report, GError **error)
{
    const CcbExpectation expect = {.gpus = gpus_wanted()};
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    ccb_progress_begin("preflight", request->image, 0);
    g_autoptr(CcbGuest) guest = ccb_open_image(request->image, backend, error);
    if (guest == NULL || !ccb_check_request(guest, &expect, request, ret_report, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    return true;
}

static bool run(int argc, char **argv, GError **error)
{
    CcbEcsType type;
    if (!ccb_ecs_type_get(opts.type, gpus_wanted(), &type, error))
        return false;
    g_autofree char *format = ccb_image_format(argv[0], error);
    if (format == NULL)
        return false;
    const CcbCheckRequest request = {&type, opts.region, opts.zone, opts.name, argv[0], format};
    g_autoptr(CcbResults) report = NULL;
    if (!check(&request, &report, error))
        return false;
    report->strict = opts.strict;
    ccb_print_results(report, opts.format, argv[0], ccb_progress_options.quiet);
    return ccb_results_verdict(report, error);
}

const CcbVerb ccb_verb_preflight = {
    .name = "preflight",
    .arguments = "IMAGE",
    .summary = "check an image against what the cloud asks",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
