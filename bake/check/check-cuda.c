/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CUDA toolkit below /usr/local. */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "check/context.h"

/* "12.4" matches 12.4 and 12.4.1, and not 12.40. */
static bool version_matches(const char *version, const char *expected)
{
    size_t length = strlen(expected);
    return strncmp(version, expected, length) == 0 &&
           (version[length] == '\0' || version[length] == '.');
}

static char *read_version(const CcbGuestText *file, GError **error)
{
    json_error_t problem;
    json_t *root = json_loadb(file->text, file->size, 0, &problem);
    const char *version = NULL;
    char *copy = NULL;
    if (root != NULL && json_unpack(root, "{s:{s:s}}", "cuda", "version", &version) == 0)
        copy = g_strdup(version);
    else
        ccb_fail(error, CCB_ERR_INPUT, "%s: no version of \"cuda\": %s", file->path,
                 root != NULL ? "other JSON was expected" : problem.text);
    json_decref(root);
    return copy;
}

static bool judge(CcbCheckContext *ctx, const char *directory, const char *version,
                  CcbCheckResult *result, GError **error)
{
    g_autofree char *nvcc = g_strconcat(directory, "/bin/nvcc", NULL);
    bool present = false;
    if (!ccb_check_present(ctx, nvcc, &present, error))
        return false;
    if (!present)
        ccb_result_fail(result, "%s is missing", nvcc);
    return ccb_result_pass(result, "%s in %s", version, directory);
}

/* One directory cuda*; *ret_matches tells whether its version is what is expected. */
static bool look_at(CcbCheckContext *ctx, const char *directory, GString *versions,
                    bool *ret_matches, CcbCheckResult *result, GError **error)
{
    g_autofree char *path = g_strconcat(directory, "/version.json", NULL);
    const char *expected = ctx->expect->cuda;
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    if (file->text == NULL) { /* /usr/local/cuda may also be an empty leftover */
        g_string_append_printf(versions, " %s (no version.json)", directory);
        return true;
    }
    g_autofree char *version = read_version(file, error);
    if (version == NULL)
        return false;
    g_string_append_printf(versions, " %s (%s)", directory, version);
    if (expected != NULL && !version_matches(version, expected))
        return true;
    *ret_matches = true;
    return judge(ctx, directory, version, result, error);
}

static bool run_toolkit(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    char **names = ccb_check_list(ctx, "/usr/local", error);
    g_autoptr(GString) versions = g_string_new(NULL);
    bool matches = false;
    if (names == NULL)
        return false;
    for (; *names != NULL; names++) {
        g_autofree char *directory = g_strconcat("/usr/local/", *names, NULL);
        if (g_str_has_prefix(*names, "cuda") &&
            !look_at(ctx, directory, versions, &matches, result, error))
            return false;
    }
    if (matches)
        return true;
    if (ctx->expect->cuda == NULL && versions->len == 0)
        return ccb_result_skip(result, "no toolkit is asked for or found");
    return ccb_result_fail(result, "no CUDA toolkit %s in /usr/local, found:%s",
                           ctx->expect->cuda ? ctx->expect->cuda : "with a version.json",
                           versions->len > 0 ? versions->str : " none");
}

const CcbCheck ccb_checks_cuda[] = {
    {"cuda.toolkit", CCB_SEVERITY_ERROR,
     "The CUDA installer can run out of space half-way and leave a part of a toolkit.",
     "Bake the cuda-toolkit step again; its log names the space that it needs.", run_toolkit},
    {0},
};
