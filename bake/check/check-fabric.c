/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fabric Manager and NSCQ: needed on eight GPUs, and of exactly the driver's version. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "check/guest-module.h"
#include "check/guest-units.h"
#include "check/library.h"
#include "guide/gpu-units.h"

#define PROGRAM "/usr/bin/nv-fabricmanager"

/* From 580 on the package has another name; repositories also have the branch in it. */
static const char *const manager_names[] = {"nvidia-fabric-manager", "nvidia-fabricmanager",
                                            "nvidia-fabricmanager-%s", NULL};
static const char *const nscq_names[] = {"libnvidia-nscq-%s", "libnvidia-nscq", NULL};

static char *package_name(const char *pattern, const char *version)
{
    g_autofree char *branch = g_strndup(version, strcspn(version, "."));
    g_auto(GStrv) parts = g_strsplit(pattern, "%s", 2);
    return g_strjoinv(branch, parts);
}

static bool is_version(const char *evr, const char *version)
{
    size_t length = strlen(version);
    return strncmp(evr, version, length) == 0 && evr[length] == '-';
}

static bool check_package(CcbCheckContext *ctx, const char *name, const char *version, guint *found,
                          CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) evrs = NULL;
    if (!ccb_check_package_versions(ctx, name, &evrs, error))
        return false;
    for (guint i = 0; i < evrs->len; i++) {
        const char *evr = g_ptr_array_index(evrs, i);
        *found += 1;
        if (is_version(evr, version))
            ccb_result_pass(result, "%s-%s", name, evr);
        else
            ccb_result_fail(result, "package %s is %s, expected version %s", name, evr, version);
    }
    return true;
}

/* `expected` NULL: the driver's version. */
static bool check_packages(CcbCheckContext *ctx, const char *const *patterns, const char *expected,
                           CcbCheckResult *result, GError **error)
{
    const char *version = expected != NULL ? expected : ccb_check_driver_version(ctx, error);
    guint found = 0;
    if (version == NULL)
        return false;
    for (; *patterns != NULL; patterns++) {
        g_autofree char *name = package_name(*patterns, version);
        if (!check_package(ctx, name, version, &found, result, error))
            return false;
    }
    if (found == 0) {
        g_autofree char *name = package_name(patterns[-1], version);
        ccb_result_fail(result, "no package %s (nor of its other names), expected %s", name,
                        version);
    }
    return true;
}

static bool skip_without_fabric(CcbCheckContext *ctx, CcbCheckResult *result)
{
    if (ctx->gpus == 8)
        return false;
    return ccb_result_skip(result, ctx->gpus == 1 ? "1 GPU has no fabric" : "no driver asked for");
}

/* The RPM database is a promise; the file is what runs. */
static bool check_program(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_check_stat(ctx, PROGRAM, &st, &exists, error))
        return false;
    if (!exists || !S_ISREG(st.mode) || (st.mode & 0111) == 0)
        ccb_result_fail(result, exists ? PROGRAM " can't be run" : PROGRAM " is missing");
    return true;
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_without_fabric(ctx, result) ||
           (check_packages(ctx, manager_names, ctx->expect->fabric_manager, result, error) &&
            check_program(ctx, result, error));
}

static bool check_library(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *version =
        ctx->expect->nscq != NULL ? ctx->expect->nscq : ccb_check_driver_version(ctx, error);
    bool has = false;
    if (version == NULL)
        return false;
    g_autofree char *name = g_strconcat("libnvidia-nscq.so.", version, NULL);
    if (!ccb_check_has_library(ctx, name, &has, error))
        return false;
    if (!has)
        ccb_result_fail(result, CCB_LIBRARY_DIR "/%s is missing", name);
    return true;
}

static bool run_nscq(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_without_fabric(ctx, result) ||
           (check_packages(ctx, nscq_names, ctx->expect->nscq, result, error) &&
            check_library(ctx, result, error));
}

/* Why a boot starts the manager, as text; *ret_why is NULL where it does not. */
static bool why_started(CcbCheckContext *ctx, char **ret_why, bool *ret_exists, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    g_autoptr(GPtrArray) why =
        ccb_unitgraph_why_started(set->graph, ccb_unitset_target(set), CCB_FABRICMANAGER);
    *ret_why = why != NULL ? ccb_unit_edges_text(why) : NULL;
    *ret_exists = ccb_unitgraph_has(set->graph, CCB_FABRICMANAGER);
    return true;
}

static bool run_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autofree char *why = NULL;
    bool exists = false;
    if (skip_without_fabric(ctx, result))
        return true;
    if (!why_started(ctx, &why, &exists, error))
        return false;
    if (!exists)
        return ccb_result_fail(result, "there is no %s, or it is masked", CCB_FABRICMANAGER);
    if (why == NULL)
        return ccb_result_fail(result, "%s is not enabled: no link in %s/multi-user.target.wants",
                               CCB_FABRICMANAGER, CCB_UNIT_DIR);
    return ccb_result_pass(result, "%s", why);
}

static bool run_disabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autofree char *why = NULL;
    bool exists = false;
    if (ctx->gpus != 1)
        return ccb_result_skip(result, ctx->gpus == 8 ? "8 GPUs need it" : "no driver asked for");
    if (!why_started(ctx, &why, &exists, error))
        return false;
    if (why != NULL && exists)
        return ccb_result_fail(result, "%s is started on 1 GPU: %s", CCB_FABRICMANAGER, why);
    return ccb_result_pass(result, exists ? "present, not enabled" : "not installed");
}

#define WHY_EQUAL "Fabric Manager, NSCQ and driver speak to each other in one version only."
#define FIX_EQUAL "Give the fabric-manager step of the recipe the version of the driver."

const CcbCheck ccb_checks_fabric[] = {
    {"fabric.version", CCB_SEVERITY_ERROR, WHY_EQUAL, FIX_EQUAL, run_version},
    {"fabric.nscq", CCB_SEVERITY_ERROR, WHY_EQUAL, FIX_EQUAL, run_nscq},
    {"fabric.enabled", CCB_SEVERITY_ERROR,
     "Without a running Fabric Manager CUDA does not initialise on eight GPUs.",
     "Enable nvidia-fabricmanager.service in the recipe's units step.", run_enabled},
    {"fabric.disabled", CCB_SEVERITY_ERROR,
     "On one GPU Fabric Manager finds no switch and its failure delays or fails the boot.",
     "Do not install Fabric Manager for one GPU, or disable its unit.", run_disabled},
    {0},
};
