/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake verify IMAGE: judge an image by itself, read-only. */
#include <stdio.h>

#include "base/error.h"
#include "base/options.h"
#include "base/progress.h"
#include "check/check.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "guest/backend.h"

static struct {
    const char *recipe;
    const char *gpus;
    GPtrArray *settings;
    const char *backend;
    const char *format;
    bool json;
    bool strict;
    bool list;
} opts = {.backend = "appliance", .format = "text"};

static const CcbOption options[] = {
    {"recipe", 0, CCB_OPT_STRING, &opts.recipe, "FILE",
     "expect what this recipe bakes (otherwise it is found out from the image)"},
    {"set", 's', CCB_OPT_LIST, &opts.settings, "NAME=VALUE",
     "give a variable of the recipe another value"},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8", "the number of GPUs the image is for"},
    {"backend", 0, CCB_OPT_STRING, &opts.backend, "auto|appliance|host", "how the image is opened"},
    {"format", 0, CCB_OPT_STRING, &opts.format, "text|json|tap|junit", "how the report is printed"},
    {"json", 0, CCB_OPT_FLAG, &opts.json, NULL, "print the report as JSON"},
    {"strict", 0, CCB_OPT_FLAG, &opts.strict, NULL, "let warnings fail the image"},
    {"list", 0, CCB_OPT_FLAG, &opts.list, NULL, "print the checks and do nothing"},
    {0},
};

static bool set_expectation(CcbExpectation *expect, GError **error)
{
    if (opts.recipe != NULL && !ccb_load_expectation(opts.recipe, opts.settings, expect, error))
        return false;
    if (opts.gpus != NULL)
        expect->gpus = (unsigned)g_ascii_strtoull(opts.gpus, NULL, 10);
    return true;
}

static bool judge(const char *path, const CcbExpectation *expect, CcbReport **ret_report,
                  GError **error)
{
    CcbBackend backend = ccb_judging_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    ccb_progress_begin("verify", path, 0);
    g_autoptr(CcbGuest) guest = ccb_open_unclean_image(path, backend, error);
    if (guest == NULL || !ccb_check_image(guest, expect, ret_report, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    return true;
}

static char *render_text(const CcbReport *report, const char *path)
{
    return ccb_report_to_text(report);
}

static char *render_json(const CcbReport *report, const char *path)
{
    json_t *root = ccb_report_to_json(report);
    char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
    char *text = g_strconcat(dumped, "\n", NULL);
    free(dumped);
    json_decref(root);
    return text;
}

static char *render_tap(const CcbReport *report, const char *path)
{
    return ccb_report_to_tap(report);
}

static const struct {
    const char *name;
    char *(*render)(const CcbReport *report, const char *path);
} formats[] = {{"text", render_text},
               {"json", render_json},
               {"tap", render_tap},
               {"junit", ccb_report_to_junit}};

static void print_report(const CcbReport *report, const char *path)
{
    const char *wanted = opts.json ? "json" : opts.format;
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (!g_str_equal(formats[i].name, wanted))
            continue;
        g_autofree char *text = formats[i].render(report, path);
        fputs(text, stdout);
    }
}

static bool run(int argc, char **argv, GError **error)
{
    g_auto(CcbExpectation) expect = {0};
    g_autoptr(CcbReport) report = NULL;
    if (opts.list) {
        g_autofree char *table = ccb_check_table();
        fputs(table, stdout);
        return true;
    }
    if (argc != 1)
        return ccb_fail(error, CCB_ERR_USAGE, "verify: name an image, or use --list");
    if (!set_expectation(&expect, error) || !judge(argv[0], &expect, &report, error))
        return false;
    report->strict = opts.strict;
    print_report(report, argv[0]);
    return ccb_report_verdict(report, error);
}

const CcbVerb ccb_verb_verify = {"verify", "IMAGE", "check an image, read-only", options, 0,
                                 1,        run};
