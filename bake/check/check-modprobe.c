/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe's configuration, on the disk and in the initramfs: whichever of them loads a module
 * reads its own. */
#include <string.h>

#include "base/error.h"
#include "check/guest-dracut.h"
#include "check/guest-module.h"
#include "check/initrd.h"

/* One of the two configurations, and what messages call it. */
typedef struct {
    const CcbModprobe *config;
    const char *where;
} Place;

typedef void (*JudgePlace)(const Place *place, CcbCheckResult *result);

static bool judge_disk(CcbCheckContext *ctx, JudgePlace judge, CcbCheckResult *result,
                       GError **error)
{
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    if (config == NULL)
        return false;
    judge(&(Place){.config = config, .where = "/etc/modprobe.d"}, result);
    return ccb_result_pass(result, "/etc/modprobe.d");
}

static bool judge_initramfs(CcbCheckContext *ctx, JudgePlace judge, CcbCheckResult *result,
                            GError **error)
{
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    for (guint i = 0; initrds != NULL && i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        judge(&(Place){.config = initrd->modprobe, .where = initrd->path}, result);
        ccb_result_pass(result, "%s", initrd->path);
    }
    return initrds != NULL;
}

/* The line of the guide: it loads what SPDM needs, and then the driver itself. */
static void judge_install(const Place *place, CcbCheckResult *result)
{
    static const char *const parts[] = {"ecdsa_generic", "ecdh", "--ignore-install nvidia", NULL};
    const char *command = ccb_modprobe_install(place->config, "nvidia");
    for (const char *const *part = parts; *part != NULL; part++)
        if (command == NULL || strstr(command, *part) == NULL) {
            ccb_result_fail(result, "%s: install nvidia \"%s\", expected \"%s\" in it",
                            place->where, command ? command : "(none)", *part);
            return;
        }
}

static void judge_lkca(const Place *place, CcbCheckResult *result)
{
    g_autofree char *dwords = ccb_modprobe_option(place->config, "nvidia", "NVreg_RegistryDwords");
    judge_install(place, result);
    if (!ccb_registry_is_set(dwords, CCB_PROTECTED_PCIE))
        ccb_result_fail(result,
                        "%s: options nvidia NVreg_RegistryDwords=%s, expected " CCB_PROTECTED_PCIE
                        "=0x1 in it",
                        place->where, dwords ? dwords : "(none)");
}

/* Also a rule that another one overrides is refused: the next edit may bring it to life. */
static void judge_unprotected(const Place *place, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) rules = ccb_modprobe_find(place->config, CCB_MODPROBE_OPTIONS, "nvidia");
    for (guint i = 0; i < rules->len; i++) {
        const CcbModprobeRule *rule = g_ptr_array_index(rules, i);
        if (strstr(rule->arguments, CCB_PROTECTED_PCIE) != NULL)
            ccb_result_fail(result, "%s:%u: " CCB_PROTECTED_PCIE ", expected none on 1 GPU",
                            rule->file, rule->line);
    }
}

static bool skip_unless(CcbCheckContext *ctx, unsigned gpus, CcbCheckResult *result)
{
    if (ctx->gpus == gpus)
        return false;
    return ccb_check_skip_without_driver(ctx, result) ||
           ccb_result_skip(result, "%u GPU%s", ctx->gpus, ctx->gpus > 1 ? "s" : "");
}

static bool run_lkca(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_unless(ctx, 8, result) || judge_disk(ctx, judge_lkca, result, error);
}

static bool run_lkca_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_unless(ctx, 8, result) || judge_initramfs(ctx, judge_lkca, result, error);
}

static bool run_unprotected(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_unless(ctx, 1, result) || judge_disk(ctx, judge_unprotected, result, error);
}

static bool run_unprotected_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_unless(ctx, 1, result) || judge_initramfs(ctx, judge_unprotected, result, error);
}

/* --- what a later dracut keeps */

static void judge_kept(const CcbModprobe *config, const char *module, const char *items,
                       CcbCheckResult *result)
{
    static const CcbModprobeKind kinds[] = {CCB_MODPROBE_BLACKLIST, CCB_MODPROBE_INSTALL,
                                            CCB_MODPROBE_OPTIONS, CCB_MODPROBE_SOFTDEP};
    const char *last = NULL;
    for (guint kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        g_autoptr(GPtrArray) rules = ccb_modprobe_find(config, kinds[kind], module);
        for (guint i = 0; i < rules->len; i++) {
            const CcbModprobeRule *rule = rules->pdata[i];
            g_autofree char *word = g_strdup_printf(" %s ", rule->file);
            if (g_str_has_prefix(rule->file, "/etc/") && strstr(items, word) == NULL &&
                g_strcmp0(last, rule->file) != 0)
                ccb_result_fail(result, "%s is in no install_items", rule->file);
            last = rule->file;
        }
    }
}

static bool run_dracut(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    g_autofree char *words = config != NULL ? ccb_check_dracut(ctx, "install_items", error) : NULL;
    if (words == NULL)
        return false;
    g_autofree char *items = g_strdup_printf(" %s ", words);
    judge_kept(config, "nvidia", items, result);
    judge_kept(config, "nouveau", items, result);
    return ccb_result_pass(result, "a later dracut takes the files of nvidia and nouveau");
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
    {"modprobe.dracut", CCB_SEVERITY_WARNING,
     "Without hostonly dracut takes nothing from /etc/modprobe.d: the initramfs that the next "
     "kernel "
     "update makes lacks the blacklist of nouveau and the options of the driver.",
     "Use the recipe's steps, or write install_items+=\" FILE \" into /etc/dracut.conf.d.",
     run_dracut},
    {0},
};
