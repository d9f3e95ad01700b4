/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's programs, libraries and firmware, which have to be of the modules' version. */
#include <string.h>

#include "base/error.h"
#include "check/guest-module.h"
#include "check/library.h"

static const char *const programs[] = {"/usr/bin/nvidia-smi", "/usr/bin/nvidia-persistenced", NULL};

/* nvidia-persistenced exits without libnvidia-cfg.  Programs ask for each by the name with its
 * ABI, a link to the file with the driver's version. */
static const char *const libraries[] = {"libcuda.so.", "libnvidia-ml.so.", "libnvidia-cfg.so.",
                                        NULL};
#define LIBRARY_ABI "1"

/* What nvidia.ko asks for: GPUs since Ampere (Hopper among them), and Turing's. */
static const char *const firmware[] = {"gsp_ga10x.bin", "gsp_tu10x.bin", NULL};

/* Which of the driver's PKCS #11 libraries goes with which OpenSSL. */
static const struct {
    const char *libcrypto;
    const char *pkcs11;
} openssl_pairs[] = {{"libcrypto.so.1.1", "libnvidia-pkcs11.so."},
                     {"libcrypto.so.3", "libnvidia-pkcs11-openssl3.so."}};

static bool check_programs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    for (const char *const *path = programs; *path != NULL; path++) {
        bool present;
        if (!ccb_check_present(ctx, *path, &present, error))
            return false;
        if (!present)
            ccb_result_fail(result, "%s is missing", *path);
    }
    return true;
}

static bool check_library(CcbCheckContext *ctx, const char *prefix, CcbCheckResult *result,
                          GError **error)
{
    g_autofree char *link = g_strconcat(prefix, LIBRARY_ABI, NULL);
    g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, prefix, error);
    bool linked = false;
    if (versions == NULL || !ccb_check_has_library(ctx, link, &linked, error))
        return false;
    if (versions->len == 0)
        ccb_result_fail(result, CCB_LIBRARY_DIR "/%s* is missing", prefix);
    else if (!linked)
        ccb_result_fail(result, CCB_LIBRARY_DIR "/%s is missing, or leads nowhere", link);
    return true;
}

/* What the units of the GPU start. */
static bool check_needed(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const started[] = {"/usr/bin/nvidia-smi", "/usr/bin/nvidia-persistenced",
                                          "/usr/bin/nv-fabricmanager", NULL};
    for (const char *const *path = started; *path != NULL; path++)
        if (!ccb_check_needed(ctx, *path, result, error))
            return false;
    return true;
}

static bool run_files(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (!check_programs(ctx, result, error))
        return false;
    for (const char *const *prefix = libraries; *prefix != NULL; prefix++)
        if (!check_library(ctx, *prefix, result, error))
            return false;
    if (!check_needed(ctx, result, error))
        return false;
    return ccb_result_pass(result, "nvidia-smi, nvidia-persistenced, libcuda, libnvidia-ml, "
                                   "libnvidia-cfg");
}

static bool check_version(CcbCheckContext *ctx, const char *prefix, const char *expected,
                          CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, prefix, error);
    if (versions == NULL)
        return false;
    for (guint i = 0; i < versions->len; i++) {
        const char *version = g_ptr_array_index(versions, i);
        if (!g_str_equal(version, expected))
            ccb_result_fail(result, "%s%s, expected %s%s", prefix, version, prefix, expected);
    }
    return true;
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *expected = ccb_check_driver_version(ctx, error);
    if (expected == NULL)
        return false;
    for (const char *const *prefix = libraries; *prefix != NULL; prefix++)
        if (!check_version(ctx, *prefix, expected, result, error))
            return false;
    for (guint i = 0; i < G_N_ELEMENTS(openssl_pairs); i++)
        if (!check_version(ctx, openssl_pairs[i].pkcs11, expected, result, error))
            return false;
    return ccb_result_pass(result, "%s", expected);
}

/* Whether one pair is whole; what is half there is noted. */
static bool check_pair(CcbCheckContext *ctx, guint pair, bool *ret_whole, GString *notes,
                       GError **error)
{
    const char *libcrypto = openssl_pairs[pair].libcrypto;
    const char *pkcs11 = openssl_pairs[pair].pkcs11;
    g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, pkcs11, error);
    bool has = false;
    if (versions == NULL || !ccb_check_has_library(ctx, libcrypto, &has, error))
        return false;
    *ret_whole = has && versions->len > 0;
    g_string_append_printf(notes, "%s%s%s %s %s%s", notes->len > 0 ? ", " : "",
                           versions->len > 0 ? "" : "no ", pkcs11, *ret_whole ? "for" : "and",
                           has ? "" : "no ", libcrypto);
    return true;
}

/* The driver takes whichever of them it can load. */
static bool run_pkcs11(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GString) notes = g_string_new(NULL);
    guint whole = 0;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(openssl_pairs); i++) {
        bool is_whole = false;
        if (!check_pair(ctx, i, &is_whole, notes, error))
            return false;
        whole += is_whole;
    }
    return whole > 0 ? ccb_result_pass(result, "%s", notes->str)
                     : ccb_result_fail(result, CCB_LIBRARY_DIR ": %s", notes->str);
}

static bool run_firmware(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *version = ccb_check_driver_version(ctx, error);
    if (version == NULL)
        return false;
    g_autofree char *directory = g_strconcat("/lib/firmware/nvidia/", version, NULL);
    for (const char *const *name = firmware; *name != NULL; name++) {
        bool present = false;
        if (!ccb_check_list_has(ctx, directory, *name, &present, error))
            return false;
        if (!present)
            ccb_result_fail(result, "%s/%s is missing", directory, *name);
    }
    return ccb_result_pass(result, "%s", directory);
}

#define FIX_DRIVER "Bake the nvidia-driver step again."

const CcbCheck ccb_checks_userspace[] = {
    {"userspace.files", CCB_SEVERITY_ERROR,
     "These are what makes the GPU ready and what programs load; a program whose library is "
     "missing "
     "ends before it begins.",
     "Bake the nvidia-driver step again; add the packages of libraries that are missing.",
     run_files},
    {"userspace.version", CCB_SEVERITY_ERROR,
     "Libraries refuse to talk to modules of another version.", FIX_DRIVER, run_version},
    {"userspace.pkcs11", CCB_SEVERITY_ERROR,
     "Without a library for an OpenSSL of the image nvidia-smi works and cuInit fails with 801.",
     "Install openssl3 before the driver, then bake the nvidia-driver step again.", run_pkcs11},
    {"userspace.firmware", CCB_SEVERITY_ERROR,
     "The open modules do nothing without the GSP firmware of their version.", FIX_DRIVER,
     run_firmware},
    {0},
};
