/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packages of local attestation, as pip installs them for python3.11. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"

/* el8's purelib and platlib, pip's below /usr/local, and Debian's names for them (stand-ins). */
static const char *const site_directories[] = {
    "/usr/local/lib/python3.11/site-packages",
    "/usr/local/lib64/python3.11/site-packages",
    "/usr/lib/python3.11/site-packages",
    "/usr/lib64/python3.11/site-packages",
    "/usr/local/lib/python3.11/dist-packages",
    "/usr/lib/python3/dist-packages",
    NULL,
};

static const char *const attestation_packages[] = {"nv_attestation_sdk", "nv_local_gpu_verifier",
                                                   "nv_ppcie_verifier", NULL};

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

/* The version in "name-version.dist-info", if it is this package; caller frees. */
static char *version_of(const char *directory, const char *package)
{
    if (!g_str_has_suffix(directory, ".dist-info"))
        return NULL;
    const char *dash = directory + strlen(directory) - strlen(".dist-info");
    for (; dash > directory && *dash != '-'; dash--)
        ;
    g_autofree char *name = normal_name(directory, (size_t)(dash - directory));
    if (dash == directory || !g_str_equal(name, package))
        return NULL;
    return g_strndup(dash + 1, strlen(dash + 1) - strlen(".dist-info"));
}

static bool add_versions(CcbCheckContext *ctx, const char *site, const char *package,
                         GPtrArray *versions, GError **error)
{
    char **names = ccb_check_list(ctx, site, error);
    for (; names != NULL && *names != NULL; names++) {
        char *version = version_of(*names, package);
        if (version != NULL)
            g_ptr_array_add(versions, version);
    }
    return names != NULL;
}

static GPtrArray *installed_versions(CcbCheckContext *ctx, const char *package, GError **error)
{
    g_autoptr(GPtrArray) versions = g_ptr_array_new_with_free_func(g_free);
    for (const char *const *site = site_directories; *site != NULL; site++)
        if (!add_versions(ctx, *site, package, versions, error))
            return NULL;
    return g_steal_pointer(&versions);
}

/* `wanted` is "name==version" or "name". */
static bool check_package(CcbCheckContext *ctx, const char *wanted, CcbCheckResult *result,
                          GError **error)
{
    g_auto(GStrv) parts = g_strsplit(wanted, "==", 2);
    g_autofree char *package = normal_name(parts[0], strlen(parts[0]));
    g_autoptr(GPtrArray) versions = installed_versions(ctx, package, error);
    if (versions == NULL)
        return false;
    if (versions->len == 0)
        return ccb_result_fail(result, "%s is not installed for python3.11", wanted);
    for (guint i = 0; i < versions->len; i++) {
        const char *version = g_ptr_array_index(versions, i);
        if (parts[1] != NULL && !g_str_equal(version, parts[1]))
            ccb_result_fail(result, "%s is %s, expected %s", parts[0], version, parts[1]);
        else
            ccb_result_pass(result, "%s %s", parts[0], version);
    }
    return true;
}

static bool report_found(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found = 0;
    for (const char *const *name = attestation_packages; *name != NULL; name++) {
        g_autoptr(GPtrArray) versions = installed_versions(ctx, *name, error);
        if (versions == NULL)
            return false;
        for (guint i = 0; i < versions->len; i++, found++)
            ccb_result_pass(result, "%s %s", *name, (char *)g_ptr_array_index(versions, i));
    }
    return found > 0 ? true : ccb_result_skip(result, "no package is asked for or found");
}

static bool run_packages(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ctx->expect->python == NULL)
        return report_found(ctx, result, error);
    for (char **wanted = ctx->expect->python; *wanted != NULL; wanted++)
        if (!check_package(ctx, *wanted, result, error))
            return false;
    return true;
}

const CcbCheck ccb_checks_python[] = {
    {"python.packages", CCB_SEVERITY_ERROR,
     "Attestation of the GPUs needs exactly the verifier versions that the service expects.",
     "Pin the packages in the recipe's python-packages step and bake again.", run_packages},
    {0},
};
