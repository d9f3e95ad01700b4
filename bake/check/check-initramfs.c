/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the initramfs needs to find its root disk on any instance type. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "check/guest-dracut.h"
#include "check/guest-module.h"
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

static bool judge_drivers(CcbCheckContext *ctx, const CcbInitrd *initrd, CcbCheckResult *result,
                          GError **error)
{
    g_autofree char *path = g_strconcat("/lib/modules/", initrd->kver, "/modules.builtin", NULL);
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
                            *driver, initrd->kver);
    }
    return ccb_result_pass(result, "%s: %s", initrd->path, names);
}

static bool run_drivers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    for (guint i = 0; initrds != NULL && i < initrds->len; i++)
        if (!judge_drivers(ctx, initrds->pdata[i], result, error))
            return false;
    return initrds != NULL;
}

/* Where an instance has a tmpfs, or cryptpilot brings one. */
static bool is_outside_root(const char *directory)
{
    static const char *const places[] = {"/tmp", "/dev/shm", "/run"};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        size_t size = strlen(places[i]);
        if (g_str_has_prefix(directory, places[i]) &&
            (directory[size] == '\0' || directory[size] == '/'))
            return true;
    }
    return false;
}

/* dracut 049 builds in `tmpdir`, whatever $TMPDIR says; its default is on the root file system. */
static bool run_tmpdir(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autofree char *values = ccb_check_dracut(ctx, "tmpdir", error);
    if (values == NULL)
        return false;
    const char *blank = strrchr(values, ' ');
    const char *last = blank != NULL ? blank + 1 : values;
    if (last[0] == '\0')
        last = "/var/tmp";
    if (!is_outside_root(last))
        ccb_result_fail(result, "dracut's tmpdir is %s", last);
    return ccb_result_pass(result, "dracut's tmpdir is %s", last);
}

const CcbCheck ccb_checks_initramfs[] = {
    {"initramfs.drivers", CCB_SEVERITY_ERROR,
     "Without the driver of its disk an instance does not find its root file system; for the "
     "others the import looks.",
     "Make it with dracut --no-hostonly and --add-drivers, as the initramfs step does.",
     run_drivers},
    {"initramfs.tmpdir", CCB_SEVERITY_WARNING,
     "dracut builds an initramfs in its tmpdir, /var/tmp unless configured: on a root file system "
     "without free space, as cryptpilot makes it, it fails.",
     "Use the initramfs step, or write tmpdir=\"/tmp\" into a file of /etc/dracut.conf.d.",
     run_tmpdir},
    {0},
};
