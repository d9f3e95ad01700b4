/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CUDA toolkit from its .run installer; --toolkit never touches the driver. */
#include "base/process.h"
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] =
    CCB_VERSIONED_FIELDS("the toolkit's .run file", "its version, as in 12.4.1");

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    ccb_expect(&expect->cuda, ccb_step_version(step));
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(ccb_step_version(step), ".", -1);
    bool is_version = g_strv_length(parts) == 3;
    for (char **part = parts; *part != NULL; part++)
        is_version = is_version && g_ascii_string_to_unsigned(*part, 10, 0, G_MAXUINT, NULL, NULL);
    if (is_version)
        return true;
    ccb_node_fail(ccb_node_get(step->origin->node, "version"), error,
                  "\"version\": \"%s\" is not like 12.4.1", ccb_step_version(step));
    return ccb_hint(error, "quote it where it looks like a number");
}

/* /usr/local/cuda-12.4 for 12.4.1, as the installer names it; caller frees. */
static char *toolkit_path(const CcbStep *step)
{
    g_auto(GStrv) parts = g_strsplit(ccb_step_version(step), ".", -1);
    return g_strdup_printf("/usr/local/cuda-%s.%s", parts[0], parts[1]);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_autofree char *path = toolkit_path(step);
    return g_strdup_printf("install CUDA toolkit %s in %s", ccb_step_version(step), path);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    g_autofree char *path = toolkit_path(step);
    ccb_change_unknown(changes, path, "CUDA toolkit %s", ccb_step_version(step));
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *installer = ccb_step_payload_path(step->payloads->pdata[0]);
    g_autofree char *path = toolkit_path(step);
    g_autofree char *target = g_strconcat("--toolkitpath=", path, NULL);
    g_autofree char *nvcc = g_build_filename(path, "bin/nvcc", NULL);
    ccb_argv_add(argv, "sh", installer, "--silent", "--toolkit", "--override", "--no-man-page",
                 "--no-opengl-libs", "--no-drm", "--tmpdir=/tmp", target, NULL);
    return ccb_step_command(bake, step, argv, error) &&
           (ccb_guest_exists(bake->guest, nvcc) ||
            ccb_fail(error, CCB_ERR_STEP,
                     "the installer said that all went well, but %s is missing", nvcc));
}

const CcbStepKind ccb_step_cuda_toolkit = {
    .name = "cuda-toolkit",
    .summary = "install the CUDA toolkit",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(CcbVersionedSettings),
    .image_percent = 150, /* 5 to 7 GB from a file of 4 to 5.4 GB */
    .scratch_percent = 250,
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
    .run = run,
};
