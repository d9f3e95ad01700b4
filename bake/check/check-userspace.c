/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's programs, libraries and firmware, which have to be of the modules' version. */
#include "check/guest-module.h"
#include "check/library.h"

/* nvidia-persistenced exits without libnvidia-cfg.  Programs ask for each by the name with its
 * ABI, a link to the file with the driver's version. */
static const char *const libraries[] = {"libcuda.so.", "libnvidia-ml.so.", "libnvidia-cfg.so.",
                                        NULL};
#define LIBRARY_ABI "1"

/* Which of the driver's PKCS #11 libraries goes with which OpenSSL. */
static const struct {
    const char *libcrypto;
    const char *pkcs11;
} openssl_pairs[] = {{"libcrypto.so.1.1", "libnvidia-pkcs11.so."},
                     {"libcrypto.so.3", "libnvidia-pkcs11-openssl3.so."}};

static bool run_files(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    /* What the units of the GPU start.  The last one is for fabric.version. */
    static const char *const programs[] = {"/usr/bin/nvidia-smi", "/usr/bin/nvidia-persistenced",
                                           "/usr/bin/nv-fabricmanager"};
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    for (guint i = 0; i < 2; i++)
        if (!ccb_check_exists(ctx, programs[i], error))
            ccb_result_fail(result, "%s is missing", programs[i]);
    for (const char *const *prefix = libraries; *prefix != NULL; prefix++) {
        g_autofree char *link = g_strconcat(*prefix, LIBRARY_ABI, NULL);
        g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, *prefix, error);
        if (versions->len == 0)
            ccb_result_fail(result, CCB_LIBRARY_DIR "/%s* is missing", *prefix);
        else if (!ccb_check_has_library(ctx, link, error))
            ccb_result_fail(result, CCB_LIBRARY_DIR "/%s is missing, or leads nowhere", link);
    }
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
        ccb_check_needed(ctx, programs[i], result, error);
    return ccb_result_pass(result, "nvidia-smi, nvidia-persistenced, libcuda, libnvidia-ml, "
                                   "libnvidia-cfg");
}

static void check_version(CcbCheckContext *ctx, const char *prefix, const char *expected,
                          CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, prefix, error);
    for (guint i = 0; i < versions->len; i++) {
        const char *version = versions->pdata[i];
        if (!g_str_equal(version, expected))
            ccb_result_fail(result, "%s%s, expected %s%s", prefix, version, prefix, expected);
    }
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *expected = ccb_check_driver_version(ctx, error);
    if (expected == NULL)
        return false;
    for (const char *const *prefix = libraries; *prefix != NULL; prefix++)
        check_version(ctx, *prefix, expected, result, error);
    for (guint i = 0; i < G_N_ELEMENTS(openssl_pairs); i++)
        check_version(ctx, openssl_pairs[i].pkcs11, expected, result, error);
    return ccb_result_pass(result, "%s", expected);
}

/* The driver takes whichever pair it can load. */
static bool run_pkcs11(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GString) notes = g_string_new(NULL);
    bool found = false;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(openssl_pairs); i++) {
        const char *libcrypto = openssl_pairs[i].libcrypto, *pkcs11 = openssl_pairs[i].pkcs11;
        g_autoptr(GPtrArray) versions = ccb_check_library_versions(ctx, pkcs11, error);
        bool has = ccb_check_has_library(ctx, libcrypto, error), whole = has && versions->len > 0;
        g_string_append_printf(notes, "%s%s%s %s %s%s", notes->len > 0 ? ", " : "",
                               versions->len > 0 ? "" : "no ", pkcs11, whole ? "for" : "and",
                               has ? "" : "no ", libcrypto);
        found = found || whole;
    }
    return found ? ccb_result_pass(result, "%s", notes->str)
                 : ccb_result_fail(result, CCB_LIBRARY_DIR ": %s", notes->str);
}

static bool run_firmware(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    /* What nvidia.ko asks for: GPUs since Ampere (Hopper among them), and Turing's. */
    static const char *const firmware[] = {"gsp_ga10x.bin", "gsp_tu10x.bin"};
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *version = ccb_check_driver_version(ctx, error);
    if (version == NULL)
        return false;
    g_autofree char *directory = g_strconcat("/lib/firmware/nvidia/", version, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(firmware); i++) {
        g_autofree char *path = g_build_filename(directory, firmware[i], NULL);
        if (!ccb_check_exists(ctx, path, error))
            ccb_result_fail(result, "%s is missing", path);
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
