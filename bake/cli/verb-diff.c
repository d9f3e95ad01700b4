/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake diff A B: what differs between two images. */
#include "diff/diff.h"

#include <stdio.h>

#include "base/error.h"
#include "base/progress.h"
#include "cli/open-image.h"
#include "cli/verbs.h"
#include "image/qemu-img.h"

static bool as_json, exit_code;
static const char *backend_name = "auto";

static const CcbOption options[] = {
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host",
     "how the images are opened"},
    {"json", 0, CCB_OPT_FLAG, &as_json, NULL, "print JSON"},
    {"exit-code", 0, CCB_OPT_FLAG, &exit_code, NULL, "exit with 8 where the images differ"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static CcbDiff *compare(char **paths, CcbBackend backend, GError **error)
{
    g_autoptr(CcbSnapshot) a = NULL;
    g_autoptr(CcbSnapshot) b = NULL;
    const CcbReading first = {.path = paths[0], .snapshot = &a};
    const CcbReading second = {.path = paths[1], .snapshot = &b};
    return ccb_read_images(backend, &first, &second, error) ? ccb_diff_new(a, b) : NULL;
}

/* Before the first is read: what is wrong with the second is known at once. */
static bool check_images(char **paths, GError **error)
{
    g_autofree char *a = ccb_image_format(paths[0], error);
    g_autofree char *b = a != NULL ? ccb_image_format(paths[1], error) : NULL;
    return b != NULL;
}

static void print(const CcbDiff *diff)
{
    if (!as_json) {
        g_autofree char *text = ccb_diff_to_text(diff);
        fputs(text, stdout);
        return;
    }
    json_t *json = ccb_diff_to_json(diff);
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(json);
}

static bool run(int argc, char **argv, GError **error)
{
    if (!check_images(argv, error))
        return false;
    CcbBackend backend = ccb_open_backend(backend_name, error);
    g_autoptr(CcbDiff) diff = backend != CCB_BACKEND_AUTO ? compare(argv, backend, error) : NULL;
    if (diff == NULL)
        return false;
    print(diff);
    return !exit_code || ccb_diff_is_empty(diff) ||
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
