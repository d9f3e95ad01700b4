/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the initramfs needs to find its root disk on any instance type, and what must not be in it.
 */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "check/driver.h"
#include "check/initrd.h"

/* System disks of confidential instances are nvme; the others keep the image bootable elsewhere,
 * and ImportImage looks for them. */
static const char *const default_drivers[] = {
    "nvme", "virtio_blk", "virtio_pci", "virtio_net", "virtio_scsi", "ext4", NULL};

static bool is_builtin(const char *text, const char *driver)
{
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_autofree char *module = ccb_module_name(*line);
        if (module != NULL && g_str_equal(module, driver))
            return true;
    }
    return false;
}

static bool run_drivers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbInitrd *initrd = ccb_check_initrd(ctx, error);
    const char *kver = initrd != NULL ? ccb_check_kver(ctx, error) : NULL;
    if (kver == NULL)
        return false;
    g_autofree char *path = g_strconcat("/lib/modules/", kver, "/modules.builtin", NULL);
    const CcbGuestText *builtin = ccb_check_text(ctx, path, error);
    if (builtin == NULL)
        return false;
    const char *const *driver = ctx->expect->initramfs_drivers != NULL
                                    ? (const char *const *)ctx->expect->initramfs_drivers
                                    : default_drivers;
    g_autofree char *names = g_strjoinv(", ", (char **)driver);
    for (; *driver != NULL; driver++) {
        g_autofree char *name = g_strdelimit(g_strdup(*driver), "-", '_');
        if (!g_hash_table_contains(initrd->modules, name) && !is_builtin(builtin->text, name))
            ccb_result_fail(result, "%s: no %s.ko for %s, and it is not built in", initrd->path,
                            *driver, kver);
    }
    return ccb_result_pass(result, "%s: %s", initrd->path, names);
}

static bool run_no_nouveau(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ctx->gpus == 0)
        return ccb_result_skip(result, "no driver is asked for");
    const CcbInitrd *initrd = ccb_check_initrd(ctx, error);
    if (initrd == NULL)
        return false;
    const char *module = g_hash_table_lookup(initrd->modules, "nouveau");
    if (module != NULL)
        return ccb_result_fail(result, "%s has %s", initrd->path, module);
    return ccb_result_pass(result, "%s, %u entries", initrd->path, initrd->entries);
}

const CcbCheck ccb_checks_initramfs[] = {
    {"initramfs.drivers", CCB_SEVERITY_ERROR,
     "Without the driver of its disk an instance does not find its root file system.",
     "Make it with dracut --no-hostonly and --add-drivers, as the initramfs step does.",
     run_drivers},
    {"initramfs.no-nouveau", CCB_SEVERITY_ERROR,
     "nouveau would take the GPU before the NVIDIA driver can.",
     "Blacklist nouveau, and make the initramfs with --omit-drivers nouveau.", run_no_nouveau},
    {0},
};
