/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nouveau, which would take the GPU: wherever it could be loaded from, something has to keep it
 * off.  Whichever of disk and initramfs has the module, its own modprobe.d counts. */
#include <string.h>

#include "check/foresee.h"
#include "check/guest-grub.h"
#include "check/guest-module.h"
#include "check/initrd.h"
#include "text/cmdline.h"

/* With modeset=0 it is loaded, and leaves the GPU alone.  An install command that runs neither
 * program (/bin/false) is how others keep a module off. */
static bool config_keeps_off(const CcbModprobe *config)
{
    g_autofree char *modeset = ccb_modprobe_option(config, "nouveau", "modeset");
    const char *install = ccb_modprobe_install(config, "nouveau");
    bool is_replaced =
        install != NULL && strstr(install, "modprobe") == NULL && strstr(install, "insmod") == NULL;
    return ccb_modprobe_is_blacklisted(config, "nouveau") || is_replaced ||
           g_strcmp0(modeset, "0") == 0;
}

/* Lists on the kernel's command line: of modprobe and of the kernel itself everywhere, dracut's only
 * in the initramfs. */
static bool line_keeps_off(const CcbCmdline *line, bool in_initramfs)
{
    static const char *const blacklists[] = {"modprobe.blacklist", "module_blacklist",
                                             "rd.driver.blacklist"};
    for (guint i = 0; i < G_N_ELEMENTS(blacklists) - !in_initramfs; i++) {
        g_auto(GStrv) values = ccb_cmdline_values(line, blacklists[i]);
        g_autofree char *list = g_strjoinv(",", values);
        g_auto(GStrv) modules = g_strsplit(list, ",", -1);
        if (g_strv_contains((const char *const *)modules, "nouveau"))
            return true;
    }
    g_autofree char *modeset = ccb_cmdline_get(line, "nouveau.modeset");
    return g_strcmp0(modeset, "0") == 0;
}

/* Checks a place that has the module, the disk or an initramfs; `where` is for messages. */
static bool check_place(CcbCheckContext *ctx, const CcbBootEntry *entry, const CcbModprobe *config,
                        bool in_initramfs, const char *where, CcbCheckResult *result,
                        GError **error)
{
    if (config_keeps_off(config))
        return ccb_result_pass(result, "%s: by modprobe.d", where);
    g_autoptr(CcbCmdline) line = *error == NULL ? ccb_cmdline_parse(entry->cmdline, error) : NULL;
    if (line == NULL) {
        g_prefix_error(error, "%s: ", entry->path);
        return false;
    }
    if (line_keeps_off(line, in_initramfs))
        return ccb_result_pass(result, "%s: by %s", where, entry->path);
    return ccb_result_fail(result,
                           "%s has nouveau.ko, and neither \"blacklist nouveau\" in its modprobe.d "
                           "nor modprobe.blacklist=nouveau in %s keeps it off",
                           where, entry->path);
}

static bool run_disk(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found = 0;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    for (guint i = 0; *error == NULL && i < entries->len; i++) {
        const CcbBootEntry *entry = entries->pdata[i];
        g_autofree char *root = g_strconcat("/lib/modules/", entry->kver, NULL);
        g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, entry->kver, "nouveau", error);
        found += paths->len;
        if (paths->len > 0)
            check_place(ctx, entry, config, false, root, result, error);
    }
    return found > 0 || ccb_result_skip(result, "no kernel has nouveau.ko");
}

static bool run_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found = 0;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    for (guint i = 0; *error == NULL && i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        if (!g_hash_table_contains(initrd->modules, "nouveau"))
            continue;
        found += 1;
        check_place(ctx, entries->pdata[i], initrd->modprobe, true, initrd->path, result, error);
    }
    return found > 0 || ccb_result_pass(result, "no initramfs has nouveau.ko");
}

/* The base's modules and files are known only where it was opened. */
static bool foresee_disk(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    result->certain = ccb_foresee_is_closed(ctx->foresight);
    return ctx->foresight->has_files ? run_disk(ctx, result, error)
                                     : ccb_result_skip(result, "not known");
}

#define WHY_NOUVEAU "nouveau takes the GPU, and the NVIDIA driver can't initialise it then."

const CcbCheck ccb_checks_nouveau[] = {
    {"modprobe.nouveau", CCB_SEVERITY_ERROR, WHY_NOUVEAU,
     "Use the recipe's nouveau-blacklist step, or write \"blacklist nouveau\" to a file of "
     "/etc/modprobe.d.",
     run_disk},
    {"modprobe.nouveau-initramfs", CCB_SEVERITY_ERROR, WHY_NOUVEAU,
     "Make the initramfs again with --omit-drivers nouveau, as the initramfs step does.",
     run_initramfs},
    {0},
};

const CcbForesee ccb_foresees_nouveau[] = {
    {"modprobe.nouveau", foresee_disk},
    {0},
};
