/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CUDA toolkit from its .run installer; --toolkit never touches the driver. */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"payload", CCB_FIELD_PAYLOAD, true, "the toolkit's .run file", NULL, NULL},
    {"version", CCB_FIELD_STRING, true, "its version, as in 12.4.1", NULL, NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    const CcbNode *version = ccb_node_get(step->node, "version");
    g_auto(GStrv) parts = g_strsplit(version->text, ".", -1);
    if (g_strv_length(parts) == 3)
        return true;
    ccb_node_fail(version, error, "\"version\": \"%s\" is not like 12.4.1", version->text);
    return ccb_hint(error, "quote it where it looks like a number");
}

/* /usr/local/cuda-12.4 for 12.4.1, as the installer names it; caller frees. */
static char *toolkit_path(const CcbStep *step)
{
    g_auto(GStrv) parts = g_strsplit(ccb_node_get_text(step->settings, "version"), ".", -1);
    return g_strdup_printf("/usr/local/cuda-%s.%s", parts[0], parts[1]);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_autofree char *path = toolkit_path(step);
    return g_strdup_printf("install CUDA toolkit %s in %s",
                           ccb_node_get_text(step->settings, "version"), path);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    g_autofree char *path = toolkit_path(step);
    ccb_effect_unknown(effect, path, "CUDA toolkit %s",
                       ccb_node_get_text(step->settings, "version"));
    return true;
}

static bool check_result(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autofree char *path = toolkit_path(step);
    g_autofree char *nvcc = g_build_filename(path, "bin/nvcc", NULL);
    return ccb_guest_exists(bake->guest, nvcc) ||
           ccb_fail(error, CCB_ERR_STEP, "the installer said that all went well, but %s is missing",
                    nvcc);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    static const char *const options[] = {"--silent",      "--toolkit",        "--override",
                                          "--no-man-page", "--no-opengl-libs", "--no-drm",
                                          "--tmpdir=/tmp"};
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = toolkit_path(step);
    g_ptr_array_add(argv, g_strdup("sh"));
    g_ptr_array_add(argv, ccb_step_payload_path(step->payloads->pdata[0]));
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        g_ptr_array_add(argv, g_strdup(options[i]));
    g_ptr_array_add(argv, g_strconcat("--toolkitpath=", path, NULL));
    return ccb_step_command(bake, step, argv, error) && check_result(bake, step, error);
}

const CcbStepKind ccb_step_cuda_toolkit = {
    .name = "cuda-toolkit",
    .summary = "install the CUDA toolkit",
    .version = 1,
    .fields = fields,
    .image_percent = 150, /* 5 to 7 GB from a file of 4 to 5.4 GB */
    .scratch_percent = 250,
    .check = check,
    .describe = describe,
    .declare = declare,
    .run = run,
};
