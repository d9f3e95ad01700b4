/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CUDA toolkit below /usr/local. */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "check/context.h"

/* "12.4" matches 12.4 and 12.4.1, and not 12.40. */
static bool matches(const char *version, const char *expected)
{
    size_t length = strlen(expected);
    return strncmp(version, expected, length) == 0 &&
           (version[length] == '\0' || version[length] == '.');
}

/* NULL on error; caller frees. */
static char *read_version(const CcbGuestText *file, GError **error)
{
    json_error_t problem;
    json_auto_t *root = json_loadb(file->text, file->size, 0, &problem);
    const char *version = NULL;
    if (root == NULL || json_unpack(root, "{s:{s:s}}", "cuda", "version", &version) != 0)
        ccb_fail(error, CCB_ERR_INPUT, "%s: no version of \"cuda\": %s", file->path,
                 root != NULL ? "other JSON was expected" : problem.text);
    return g_strdup(version);
}

static bool run_toolkit(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *expected = ctx->expect->cuda;
    g_autoptr(GString) others = g_string_new(NULL);
    bool found = false;
    g_auto(GStrv) directories = ccb_check_paths(ctx, "/usr/local", "", error);
    for (char **directory = directories; *error == NULL && *directory != NULL; directory++) {
        if (!g_str_has_prefix(*directory, "/usr/local/cuda"))
            continue;
        g_autofree char *path = g_strconcat(*directory, "/version.json", NULL);
        const CcbGuestText *file = ccb_check_text(ctx, path, error);
        if (file->text == NULL) { /* /usr/local/cuda may also be an empty leftover */
            g_string_append_printf(others, " %s (no version.json)", *directory);
            continue;
        }
        g_autofree char *version = read_version(file, error);
        if (version == NULL)
            return false;
        if (expected != NULL && !matches(version, expected)) {
            g_string_append_printf(others, " %s (%s)", *directory, version);
            continue;
        }
        found = true;
        g_autofree char *nvcc = g_strconcat(*directory, "/bin/nvcc", NULL);
        if (!ccb_check_exists(ctx, nvcc, error))
            ccb_result_fail(result, "%s is missing", nvcc);
        ccb_result_pass(result, "%s in %s", version, *directory);
    }
    if (found)
        return true;
    if (expected == NULL && others->len == 0)
        return ccb_result_skip(result, "no toolkit is asked for or found");
    return ccb_result_fail(result, "no CUDA toolkit %s in /usr/local, found:%s",
                           expected != NULL ? expected : "with a version.json",
                           others->len > 0 ? others->str : " none");
}

const CcbCheck ccb_checks_cuda[] = {
    {"cuda.toolkit", CCB_SEVERITY_ERROR,
     "The CUDA installer can run out of space half-way and leave a part of a toolkit.",
     "Bake the cuda-toolkit step again; its log names the space that it needs.", run_toolkit},
    {0},
};
