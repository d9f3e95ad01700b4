/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver as a whole: that there is one and only one, of a version that will do. */
#include <string.h>

#include "check/guest-module.h"

static bool run_present(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool has = false;
    if (ctx->expect->no_driver)
        return ccb_check_skip_without_driver(ctx, result);
    if (!ccb_check_has_driver(ctx, &has, error))
        return false;
    return has ? ccb_result_pass(result, "a module, nvidia-smi or a package of one")
               : ccb_result_fail(result, "no NVIDIA driver was found: no module for a kernel that "
                                         "boots, no /usr/bin/nvidia-smi, no package");
}

/* The directories that DKMS has of the driver alone, one a version; nvidia-fs and nvidia-peermem are
 * modules beside it.  Caller frees. */
static char **list_dkms(CcbCheckContext *ctx, GError **error)
{
    static const char *const modules[] = {"nvidia", "nvidia-open", "nvidia-current",
                                          "nvidia-current-open"};
    g_autoptr(GStrvBuilder) found = g_strv_builder_new();
    for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
        g_autofree char *directory = g_build_filename("/var/lib/dkms", modules[i], NULL);
        g_auto(GStrv) paths = ccb_check_paths(ctx, directory, "", error);
        for (char **path = paths; *path != NULL; path++)
            if (g_ascii_isdigit((*path)[strlen(directory) + 1])) /* others are links to kernels */
                g_strv_builder_add(found, *path);
    }
    return g_strv_builder_end(found);
}

/* Whether a directory of DKMS's is the one of the driver that the image is to have. */
static bool is_of_driver(CcbCheckContext *ctx, const char *path, GError **error)
{
    g_autofree char *version = g_path_get_basename(path);
    return g_strcmp0(version, ccb_check_driver_version(ctx, error)) == 0;
}

static bool run_single(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    bool by_installer = ccb_check_exists(ctx, "/usr/bin/nvidia-uninstall", error);
    char **package = by_installer ? ccb_check_packages(ctx, error) : NULL;
    for (; package != NULL && *package != NULL; package++)
        if (ccb_driver_is_package(*package))
            ccb_result_fail(result, "package %s", *package);
    g_auto(GStrv) paths = list_dkms(ctx, error);
    for (char **path = paths; *path != NULL; path++)
        if (!is_of_driver(ctx, *path, error))
            ccb_result_fail(result, "%s, beside driver %s", *path,
                            ccb_check_driver_version(ctx, error));
    return ccb_result_pass(result, by_installer ? "the installer's, and no package of one"
                                                : "that of its packages");
}

static bool run_dkms(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    g_auto(GStrv) paths = list_dkms(ctx, error);
    for (char **path = paths; *path != NULL; path++)
        if (is_of_driver(ctx, *path, error))
            ccb_result_fail(result, "%s", *path);
    return ccb_result_pass(result, "DKMS does not have it");
}

static bool run_minimum(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version, minimum;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *least = ccb_driver_minimum(ctx->gpus);
    const char *text = ccb_check_driver_version(ctx, error);
    if (text == NULL || !ccb_driver_parse(text, &version, error) ||
        !ccb_driver_parse(least, &minimum, error))
        return false;
    if (ccb_driver_compare(version, minimum) >= 0)
        return ccb_result_pass(result, "%s ≥ %s for %s", text, least, ccb_check_gpus(ctx));
    return ccb_result_fail(result, "driver %s, expected %s or later for %s", text, least,
                           ccb_check_gpus(ctx));
}

static bool run_branch(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *text = ccb_check_driver_version(ctx, error);
    if (text == NULL || !ccb_driver_parse(text, &version, error))
        return false;
    const char *bad = ccb_driver_known_bad(version);
    if (bad != NULL)
        return ccb_result_fail(result, "driver %s is known bad: %s", text, bad);
    if (!ccb_driver_supports_cc(version))
        return ccb_result_fail(result,
                               "driver %s: branch %u is not known to support confidential GPUs",
                               text, version.branch);
    return ccb_result_pass(result, "%s, branch %u%s", text, version.branch,
                           ccb_driver_is_newer_than_known(version)
                               ? ", newer than those known to support confidential GPUs"
                               : "");
}

const CcbCheck ccb_checks_driver[] = {
    {"driver.present", CCB_SEVERITY_ERROR, "Without a driver nothing can use the GPU.",
     "Add the nvidia-driver step to the recipe and bake again.", run_present},
    {"driver.single", CCB_SEVERITY_ERROR,
     "A second driver replaces libraries or modules of the first, at once or at the next update.",
     "Remove the package or the DKMS module, or install the driver by it alone.", run_single},
    {"driver.dkms", CCB_SEVERITY_WARNING,
     "DKMS compiles the driver again for each new kernel, on the instance: if that fails, the next "
     "boot has no GPU, and what it makes was never checked.",
     "Take it out with dkms remove --all, or keep new kernels away (updates.kernel-lock).",
     run_dkms},
    {"driver.minimum", CCB_SEVERITY_ERROR,
     "Older drivers do not support this instance type's GPUs in confidential mode.",
     "Name a later driver in the recipe.", run_minimum},
    {"driver.branch", CCB_SEVERITY_ERROR,
     "Some branches have no confidential mode, and some versions fail attestation.",
     "Name a driver of a branch that supports it in the recipe.", run_branch},
    {0},
};
