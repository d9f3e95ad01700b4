/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake diff A B: what differs between two images. */
#include "diff/diff.h"

#include <stdio.h>

#include "base/error.h"
#include "base/progress.h"
#include "cli/open-image.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "image/qemu-img.h"

static struct {
    const char *backend, *format;
    bool exit_code;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    {"backend", 0, CCB_OPT_STRING, &opts.backend, "auto|reader|appliance|host",
     "how the images are opened"},
    CCB_DEBUG_OPTION,
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "how the differences are printed (text)"),
    {"exit-code", 0, CCB_OPT_FLAG, &opts.exit_code, NULL, "exit with 8 where the images differ"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static bool run(int argc, char **argv, GError **error)
{
    /* Both before the first is read: an error of the second is reported at once. */
    for (int i = 0; i < argc; i++) {
        g_autofree char *format = ccb_image_format(argv[i], error);
        if (format == NULL)
            return false;
    }
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    g_autoptr(CcbDiff) diff = ccb_compare_images(backend, argv[0], argv[1], error);
    if (diff == NULL)
        return false;
    if (g_str_equal(opts.format, "json")) {
        ccb_print_json(ccb_diff_to_json(diff));
    } else {
        g_autofree char *text = ccb_diff_to_text(diff);
        fputs(text, stdout);
    }
    return !opts.exit_code || ccb_diff_is_empty(diff) ||
           ccb_fail(error, CCB_ERR_CHECK, "%s and %s differ", argv[0], argv[1]);
}

const CcbVerb ccb_verb_diff = {
    .name = "diff",
    .arguments = "IMAGE IMAGE",
    .summary = "say what differs between two images",
    .options = options,
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
