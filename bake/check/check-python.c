/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packages of local attestation, as pip installs them for python3.11. */
#include <string.h>

#include "check/context.h"

/* PEP 503 with '_': names are the same in any case and with any of '-', '_' and '.'. */
static char *normal_name(const char *name, size_t length)
{
    GString *normal = g_string_new(NULL);
    for (size_t i = 0; i < length; i++) {
        bool separator = strchr("-_.", name[i]) != NULL;
        if (!separator)
            g_string_append_c(normal, g_ascii_tolower(name[i]));
        else if (normal->len > 0 && normal->str[normal->len - 1] != '_')
            g_string_append_c(normal, '_');
    }
    return g_string_free(normal, FALSE);
}

/* The versions in the names of "NAME-VERSION.dist-info"; caller frees. */
static char **installed_versions(CcbCheckContext *ctx, const char *package, GError **error)
{
    /* el8's purelib and platlib, pip's below /usr/local, and Debian's names for them (stand-ins). */
    static const char *const sites[] = {
        "/usr/local/lib/python3.11/site-packages", "/usr/local/lib64/python3.11/site-packages",
        "/usr/lib/python3.11/site-packages",       "/usr/lib64/python3.11/site-packages",
        "/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages",
    };
    g_autoptr(GStrvBuilder) versions = g_strv_builder_new();
    for (guint i = 0; i < G_N_ELEMENTS(sites); i++)
        for (char **entry = ccb_check_list(ctx, sites[i], error); *entry != NULL; entry++) {
            if (!g_str_has_suffix(*entry, ".dist-info"))
                continue;
            g_autofree char *stem = g_strndup(*entry, strlen(*entry) - strlen(".dist-info"));
            const char *dash = strrchr(stem, '-');
            g_autofree char *name = dash != NULL ? normal_name(stem, (size_t)(dash - stem)) : NULL;
            if (g_strcmp0(name, package) == 0)
                g_strv_builder_add(versions, dash + 1);
        }
    return g_strv_builder_end(versions);
}

/* `wanted` is "name==version" or "name". */
static void check_package(CcbCheckContext *ctx, const char *wanted, CcbCheckResult *result,
                          GError **error)
{
    g_auto(GStrv) parts = g_strsplit(wanted, "==", 2);
    g_autofree char *package = normal_name(parts[0], strlen(parts[0]));
    g_auto(GStrv) versions = installed_versions(ctx, package, error);
    if (versions[0] == NULL)
        ccb_result_fail(result, "%s is not installed for python3.11", wanted);
    for (char **version = versions; *version != NULL; version++)
        if (parts[1] != NULL && !g_str_equal(*version, parts[1]))
            ccb_result_fail(result, "%s is %s, expected %s", parts[0], *version, parts[1]);
        else
            ccb_result_pass(result, "%s %s", parts[0], *version);
}

static bool run_packages(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const attestation[] = {"nv_attestation_sdk", "nv_local_gpu_verifier",
                                              "nv_ppcie_verifier"};
    for (char **wanted = ctx->expect->python; wanted != NULL && *wanted != NULL; wanted++)
        check_package(ctx, *wanted, result, error);
    if (ctx->expect->python != NULL)
        return true;
    bool found = false;
    for (guint i = 0; i < G_N_ELEMENTS(attestation); i++) {
        g_auto(GStrv) versions = installed_versions(ctx, attestation[i], error);
        for (char **version = versions; *version != NULL; version++)
            found = ccb_result_pass(result, "%s %s", attestation[i], *version);
    }
    return found || ccb_result_skip(result, "no package is asked for or found");
}

const CcbCheck ccb_checks_python[] = {
    {"python.packages", CCB_SEVERITY_ERROR,
     "Attestation of the GPUs needs exactly the verifier versions that the service expects.",
     "Pin the packages in the recipe's python-packages step and bake again.", run_packages},
    {0},
};
