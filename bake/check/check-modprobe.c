/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe's configuration, on the disk and in the initramfs: whichever of them loads a module
 * reads its own. */
#include <string.h>

#include "check/foresee.h"
#include "check/guest-cmdline.h"
#include "check/guest-dracut.h"
#include "check/guest-module.h"
#include "check/initrd.h"
#include "text/modload.h"

/* Checks one configuration; `where` is what messages call it. */
typedef void (*CheckConfig)(const CcbModprobe *config, const char *where, CcbCheckResult *result);

static bool check_disk(CcbCheckContext *ctx, CheckConfig check, CcbCheckResult *result,
                       GError **error)
{
    static const char where[] = "/etc/modprobe.d";
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    if (config == NULL)
        return false;
    check(config, where, result);
    return ccb_result_pass(result, where);
}

static bool check_initramfs(CcbCheckContext *ctx, CheckConfig check, CcbCheckResult *result,
                            GError **error)
{
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    for (guint i = 0; i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        check(initrd->modprobe, initrd->path, result);
        ccb_result_pass(result, "%s", initrd->path);
    }
    return true;
}

static void check_lkca(const CcbModprobe *config, const char *where, CcbCheckResult *result)
{
    /* What SPDM needs, by whichever rule; the names behind are the modules' aliases. */
    static const char *const before[] = {
        "ecdsa_generic crypto_ecdsa_generic crypto_ecdsa_nist_p256 crypto_ecdsa_nist_p384",
        "ecdh_generic ecdh crypto_ecdh crypto_ecdh_generic", NULL};
    g_autofree char *problem = ccb_modload_problem(config, "nvidia", before);
    if (problem != NULL)
        ccb_result_fail(result, "%s: %s", where, problem);
    g_autofree char *dwords = ccb_modprobe_option(config, "nvidia", "NVreg_RegistryDwords");
    if (!ccb_registry_is_set(dwords, CCB_PROTECTED_PCIE))
        ccb_result_fail(result,
                        "%s: options nvidia NVreg_RegistryDwords=%s, expected " CCB_PROTECTED_PCIE
                        "=0x1 in it",
                        where, dwords ? dwords : "(none)");
}

/* A rule that another one overrides is refused, too: the next edit may bring it to life. */
static void check_unprotected(const CcbModprobe *config, const char *where, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, CCB_MODPROBE_OPTIONS, "nvidia");
    for (guint i = 0; i < rules->len; i++) {
        const CcbModprobeRule *rule = rules->pdata[i];
        if (strstr(rule->arguments, CCB_PROTECTED_PCIE) != NULL)
            ccb_result_fail(result, "%s:%u: " CCB_PROTECTED_PCIE ", expected none on 1 GPU",
                            rule->file, rule->line);
    }
}

static bool run_lkca(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_skip_unless_gpus(ctx, 8, result) || check_disk(ctx, check_lkca, result, error);
}

static bool run_lkca_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_skip_unless_gpus(ctx, 8, result) ||
           check_initramfs(ctx, check_lkca, result, error);
}

static bool run_unprotected(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_skip_unless_gpus(ctx, 1, result) ||
           check_disk(ctx, check_unprotected, result, error);
}

static bool run_unprotected_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_skip_unless_gpus(ctx, 1, result) ||
           check_initramfs(ctx, check_unprotected, result, error);
}

/* The parameters of tdx_guest that the recipe sets, or that the image's self-test expects; caller frees. */
static char **wanted_parameters(CcbCheckContext *ctx, GError **error)
{
    if (ctx->expect->tdx_guest != NULL)
        return g_strdupv(ctx->expect->tdx_guest);
    g_autoptr(GStrvBuilder) wanted = g_strv_builder_new();
    g_auto(GStrv) lines = ccb_check_lines(ctx, "/etc/ccbake/selftest.conf", error);
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, "tsm_api="))
            g_strv_builder_add(wanted, *line);
    return g_strv_builder_end(wanted);
}

/* In one configuration. */
static void check_tdx_guest(char **wanted, const CcbModprobe *config, const char *where,
                            CcbCheckResult *result)
{
    for (char **option = wanted; *option != NULL; option++) {
        g_autofree char *name = g_strndup(*option, strcspn(*option, "="));
        g_autofree char *value = ccb_modprobe_option(config, "tdx_guest", name);
        if (value == NULL || !g_str_equal(value, *option + strlen(name) + 1))
            ccb_result_fail(result, "%s: options tdx_guest %s=%s, expected %s", where, name,
                            value != NULL ? value : "(none)", *option);
    }
}

/* A parameter of the command line takes the place of what modprobe.d says; an initramfs without the module does not load
 * it. */
static bool run_tdx_guest(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_auto(GStrv) wanted = wanted_parameters(ctx, error);
    if (wanted[0] == NULL)
        return ccb_result_skip(result, "no recipe sets parameters of tdx_guest");
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    const CcbCmdline *line = ccb_check_cmdline(ctx, error);
    if (*error != NULL)
        return false;
    check_tdx_guest(wanted, config, "/etc/modprobe.d", result);
    for (guint i = 0; i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        if (g_hash_table_contains(initrd->modules, "tdx_guest"))
            check_tdx_guest(wanted, initrd->modprobe, initrd->path, result);
    }
    for (char **option = wanted; line != NULL && *option != NULL; option++) {
        g_autofree char *key =
            g_strdup_printf("tdx_guest.%.*s", (int)strcspn(*option, "="), *option);
        g_autofree char *value = ccb_cmdline_get(line, key);
        if (value != NULL && !g_str_equal(value, strchr(*option, '=') + 1))
            ccb_result_fail(result, "%s=%s on the kernel's command line, expected %s", key, value,
                            *option);
    }
    g_autofree char *options = g_strjoinv(" ", wanted);
    return ccb_result_pass(result, "%s", options);
}

/* Files of the administrator's with rules for nvidia or nouveau, which a later dracut has to take. */
static bool run_dracut(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const modules[] = {"nvidia", "nouveau", "tdx_guest"};
    static const CcbModprobeKind kinds[] = {CCB_MODPROBE_BLACKLIST, CCB_MODPROBE_INSTALL,
                                            CCB_MODPROBE_OPTIONS, CCB_MODPROBE_SOFTDEP};
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    g_autofree char *items = ccb_check_dracut(ctx, "install_items", error);
    if (*error != NULL)
        return false;
    g_auto(GStrv) taken = g_strsplit(items, " ", -1);
    g_autoptr(GHashTable) left_out = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < G_N_ELEMENTS(modules) * G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, kinds[i % G_N_ELEMENTS(kinds)],
                                                       modules[i / G_N_ELEMENTS(kinds)]);
        for (guint k = 0; k < rules->len; k++) {
            const CcbModprobeRule *rule = rules->pdata[k];
            if (g_str_has_prefix(rule->file, "/etc/") &&
                !g_strv_contains((const char *const *)taken, rule->file) &&
                g_hash_table_add(left_out, rule->file))
                ccb_result_fail(result, "%s is in no install_items", rule->file);
        }
    }
    return ccb_result_pass(result,
                           "a later dracut takes the files of nvidia, nouveau and tdx_guest");
}

/* The base's own files are known only where it was opened. */
static bool foresee_lkca(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    result->certain = ctx->foresight->has_files && ccb_foresee_is_closed(ctx->foresight);
    return run_lkca(ctx, result, error);
}

/* A file that a step writes is there, whatever else is. */
static bool foresee_unprotected(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    result->certain = !ctx->foresight->is_open;
    return run_unprotected(ctx, result, error);
}

#define WHY_LKCA                                                                                   \
    "Eight GPUs are confidential together only in Protected PCIe mode, and the driver needs "      \
    "the kernel's ECC modules loaded before it."
#define WHY_UNPROTECTED "RmEnableProtectedPcie makes the GPU of a single-GPU instance unusable."
#define FIX_MODPROBE    "Use the recipe's modprobe step, which writes the guide's file."
#define FIX_INITRAMFS                                                                              \
    "Make the initramfs after the modprobe step; dracut may need the files named (--include)."

const CcbCheck ccb_checks_modprobe[] = {
    {"modprobe.lkca", CCB_SEVERITY_ERROR, WHY_LKCA, FIX_MODPROBE, run_lkca},
    {"modprobe.lkca-initramfs", CCB_SEVERITY_ERROR, WHY_LKCA, FIX_INITRAMFS, run_lkca_initramfs},
    {"modprobe.no-protected-pcie", CCB_SEVERITY_ERROR, WHY_UNPROTECTED,
     "Take the line out of /etc/modprobe.d: it is for eight GPUs.", run_unprotected},
    {"modprobe.no-protected-pcie-initramfs", CCB_SEVERITY_ERROR, WHY_UNPROTECTED,
     "Take the line out of /etc/modprobe.d and make the initramfs again.",
     run_unprotected_initramfs},
    {"modprobe.tdx-guest", CCB_SEVERITY_ERROR,
     "A parameter of the module decides how an instance gets its quotes; with the wrong value it "
     "may get none.",
     "Make the initramfs after the tdx-guest step, and take out what else sets the parameter.",
     run_tdx_guest},
    {"modprobe.dracut", CCB_SEVERITY_WARNING,
     "Without hostonly dracut takes nothing from /etc/modprobe.d: the initramfs that the next "
     "kernel "
     "update makes lacks the blacklist of nouveau and the options of the driver.",
     "Use the recipe's steps, or write install_items+=\" FILE \" into /etc/dracut.conf.d.",
     run_dracut},
    {0},
};

const CcbForesee ccb_foresees_modprobe[] = {
    {"modprobe.lkca", foresee_lkca},
    {"modprobe.no-protected-pcie", foresee_unprotected},
    {0},
};
