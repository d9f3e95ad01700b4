/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver as a whole: that there is one and only one, of a version that will do. */
#include <string.h>

#include "base/error.h"
#include "check/guest-module.h"
#include "guide/driver.h"

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

static bool judge_packages(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    char **package = ccb_check_packages(ctx, error);
    for (; package != NULL && *package != NULL; package++)
        if (ccb_driver_is_package(*package))
            ccb_result_fail(result, "package %s", *package);
    return package != NULL;
}

/* Judges what DKMS has of a driver, by the version that the image is to have. */
typedef void (*JudgeDkms)(const char *path, const char *version, const char *expected,
                          CcbCheckResult *result);

static bool judge_dkms_of(CcbCheckContext *ctx, const char *directory, JudgeDkms judge,
                          CcbCheckResult *result, GError **error)
{
    char **version = ccb_check_list(ctx, directory, error);
    for (; version != NULL && *version != NULL; version++) {
        if (!g_ascii_isdigit(**version))
            continue; /* beside the versions are links that are named after kernels */
        g_autofree char *path = g_build_filename(directory, *version, NULL);
        const char *expected = ccb_check_driver_version(ctx, error);
        if (expected == NULL)
            return false;
        judge(path, *version, expected, result);
    }
    return version != NULL;
}

/* The driver alone: nvidia-fs and nvidia-peermem are modules beside it. */
static bool judge_dkms(CcbCheckContext *ctx, JudgeDkms judge, CcbCheckResult *result,
                       GError **error)
{
    static const char *const directories[] = {"/var/lib/dkms/nvidia", "/var/lib/dkms/nvidia-open",
                                              "/var/lib/dkms/nvidia-current",
                                              "/var/lib/dkms/nvidia-current-open"};
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++)
        if (!judge_dkms_of(ctx, directories[i], judge, result, error))
            return false;
    return true;
}

static void refuse_other(const char *path, const char *version, const char *expected,
                         CcbCheckResult *result)
{
    if (!g_str_equal(version, expected))
        ccb_result_fail(result, "%s, beside driver %s", path, expected);
}

static void refuse_same(const char *path, const char *version, const char *expected,
                        CcbCheckResult *result)
{
    if (g_str_equal(version, expected))
        ccb_result_fail(result, "%s", path);
}

static bool run_single(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool by_installer = false;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (!ccb_check_present(ctx, "/usr/bin/nvidia-uninstall", &by_installer, error) ||
        (by_installer && !judge_packages(ctx, result, error)) ||
        !judge_dkms(ctx, refuse_other, result, error))
        return false;
    return ccb_result_pass(result, by_installer ? "the installer's, and no package of one"
                                                : "that of its packages");
}

static bool run_dkms(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_skip_without_driver(ctx, result) ||
           (judge_dkms(ctx, refuse_same, result, error) &&
            ccb_result_pass(result, "DKMS does not have it"));
}

static bool parse_version(CcbCheckContext *ctx, const char **ret_text, CcbDriverVersion *ret,
                          GError **error)
{
    const char *text = ccb_check_driver_version(ctx, error);
    if (text == NULL || !ccb_driver_parse(text, ret, error))
        return false;
    *ret_text = text;
    return true;
}

static bool run_minimum(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version, minimum;
    const char *text = NULL;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *least = ccb_driver_minimum(ctx->gpus);
    if (!parse_version(ctx, &text, &version, error) || !ccb_driver_parse(least, &minimum, error))
        return false;
    if (ccb_driver_compare(version, minimum) >= 0)
        return ccb_result_pass(result, "%s ≥ %s for %u GPU%s", text, least, ctx->gpus,
                               ctx->gpus > 1 ? "s" : "");
    return ccb_result_fail(result, "driver %s, expected %s or later for %u GPU%s", text, least,
                           ctx->gpus, ctx->gpus > 1 ? "s" : "");
}

static bool run_branch(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version;
    const char *text = NULL;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (!parse_version(ctx, &text, &version, error))
        return false;
    const char *bad = ccb_driver_known_bad(version);
    if (bad != NULL)
        ccb_result_fail(result, "driver %s is known bad: %s", text, bad);
    else if (!ccb_driver_supports_cc(version))
        ccb_result_fail(result, "driver %s: branch %u is not known to support confidential GPUs",
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
     "boot has no GPU, and what it makes was never judged.",
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
