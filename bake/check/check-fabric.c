/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fabric Manager and NSCQ: needed on eight GPUs, and of exactly the driver's version. */
#include <string.h>
#include <sys/stat.h>

#include "check/foresee.h"
#include "check/guest-module.h"
#include "check/guest-units.h"
#include "check/library.h"
#include "guide/gpu-units.h"

/* Fails where no package of these names is there, or one of another version.  In repositories the
 * branch of the driver may be in the name: "%s". */
static void check_packages(CcbCheckContext *ctx, const char *const *patterns, const char *version,
                           CcbCheckResult *result, GError **error)
{
    g_autofree char *branch = g_strndup(version, strcspn(version, "."));
    g_autofree char *name = NULL;
    guint found = 0;
    for (; *patterns != NULL; patterns++) {
        g_auto(GStrv) halves = g_strsplit(*patterns, "%s", 2);
        g_free(name);
        name = g_strjoinv(branch, halves);
        for (char **package = ccb_check_packages(ctx, error); *package != NULL; package++) {
            g_auto(GStrv) parts = ccb_package_parts(*package);
            if (parts == NULL || !g_str_equal(parts[0], name))
                continue;
            found += 1;
            if (g_str_equal(parts[1], version))
                ccb_result_pass(result, "%s-%s-%s", name, parts[1], parts[2]);
            else
                ccb_result_fail(result, "package %s is %s-%s, expected version %s", name, parts[1],
                                parts[2], version);
        }
    }
    if (found == 0)
        ccb_result_fail(result, "no package %s (nor of its other names), expected %s", name,
                        version);
}

/* From 580 on the package has another name. */
static const char *const manager_names[] = {"nvidia-fabric-manager", "nvidia-fabricmanager",
                                            "nvidia-fabricmanager-%s", NULL};
static const char *const nscq_names[] = {"libnvidia-nscq-%s", "libnvidia-nscq", NULL};

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char program[] = "/usr/bin/nv-fabricmanager";
    if (ccb_check_skip_unless_gpus(ctx, 8, result))
        return true;
    const char *version = ctx->expect->fabric_manager != NULL
                              ? ctx->expect->fabric_manager
                              : ccb_check_driver_version(ctx, error);
    if (version == NULL)
        return false;
    check_packages(ctx, manager_names, version, result, error);
    /* The RPM database is a promise; the file is what runs. */
    const CcbStat *st = ccb_check_stat(ctx, program, error);
    if (st == NULL || !S_ISREG(st->mode) || (st->mode & 0111) == 0)
        ccb_result_fail(result, "%s %s", program, st != NULL ? "can't be run" : "is missing");
    return true;
}

static bool run_nscq(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_unless_gpus(ctx, 8, result))
        return true;
    const char *version =
        ctx->expect->nscq != NULL ? ctx->expect->nscq : ccb_check_driver_version(ctx, error);
    if (version == NULL)
        return false;
    check_packages(ctx, nscq_names, version, result, error);
    g_autofree char *library = g_strconcat("libnvidia-nscq.so.", version, NULL);
    if (!ccb_check_has_library(ctx, library, error))
        ccb_result_fail(result, CCB_LIBRARY_DIR "/%s is missing", library);
    return true;
}

/* Why a boot starts the manager, as text; NULL where it does not, caller frees. */
static char *why_started(CcbUnitSet *set)
{
    g_autoptr(GPtrArray) why =
        ccb_unitgraph_why_started(set->graph, ccb_unitset_target(set), CCB_FABRICMANAGER);
    return why != NULL ? ccb_unit_edges_text(why) : NULL;
}

static bool run_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_unless_gpus(ctx, 8, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    if (!ccb_unitgraph_has(set->graph, CCB_FABRICMANAGER))
        return ccb_result_fail(result, "there is no %s, or it is masked", CCB_FABRICMANAGER);
    g_autofree char *why = why_started(set);
    if (why == NULL)
        return ccb_result_fail(result, "%s is not enabled: no link in %s/multi-user.target.wants",
                               CCB_FABRICMANAGER, CCB_UNIT_DIR);
    return ccb_result_pass(result, "%s", why);
}

static bool run_disabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_unless_gpus(ctx, 1, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    bool exists = ccb_unitgraph_has(set->graph, CCB_FABRICMANAGER);
    g_autofree char *why = why_started(set);
    if (why != NULL && exists)
        return ccb_result_fail(result, "%s is started on 1 GPU: %s", CCB_FABRICMANAGER, why);
    return ccb_result_pass(result, exists ? "present, not enabled" : "not installed");
}

/* `brought`: the version of the step that brings it; NULL: there is none. */
static bool foresee_packages(CcbCheckContext *ctx, const char *brought, const char *const *names,
                             CcbCheckResult *result, GError **error)
{
    const char *version = ctx->expect->driver;
    if (ccb_check_skip_unless_gpus(ctx, 8, result) || brought != NULL || version == NULL ||
        !ctx->foresight->has_base)
        return true;
    result->certain = ccb_foresee_is_closed(ctx->foresight);
    check_packages(ctx, names, version, result, error);
    return true;
}

static bool foresee_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return foresee_packages(ctx, ctx->expect->fabric_manager, manager_names, result, error);
}

static bool foresee_nscq(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return foresee_packages(ctx, ctx->expect->nscq, nscq_names, result, error);
}

/* Its package does not enable it, and what base and steps do is known by the unit's name alone. */
static bool foresee_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbExpectation *expect = ctx->expect;
    const char *const *enabled = (const char *const *)expect->enabled;
    if (ccb_check_skip_unless_gpus(ctx, 8, result) ||
        (enabled != NULL && g_strv_contains(enabled, CCB_FABRICMANAGER)))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    g_autoptr(GPtrArray) by =
        set != NULL ? ccb_unitgraph_pulled_by(set->graph, CCB_FABRICMANAGER) : NULL;
    if (set == NULL || by->len > 0 || ccb_foresee_is_hidden(ctx->foresight, CCB_FABRICMANAGER))
        return true;
    result->certain = ccb_foresee_is_closed(ctx->foresight);
    result->subject = g_strdup(CCB_FABRICMANAGER);
    return ccb_result_fail(result, "no step enables %s", CCB_FABRICMANAGER);
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

const CcbForesee ccb_foresees_fabric[] = {
    {"fabric.version", foresee_version},
    {"fabric.nscq", foresee_nscq},
    {"fabric.enabled", foresee_enabled},
    {0},
};
