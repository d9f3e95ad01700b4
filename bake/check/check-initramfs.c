/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the initramfs needs to find its root disk on any instance type. */
#include <string.h>

#include "check/guest-dracut.h"
#include "check/initrd.h"
#include "guide/ecs.h"
#include "image/module.h"

static bool is_builtin(char *const *paths, const char *driver)
{
    for (; *paths != NULL; paths++) {
        g_autofree char *module = ccb_module_name(*paths);
        if (g_strcmp0(module, driver) == 0)
            return true;
    }
    return false;
}

static bool run_drivers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_auto(GStrv) usual = g_strsplit(CCB_ECS_DRIVERS, " ", -1);
    char **drivers = ctx->expect->initramfs_drivers ? ctx->expect->initramfs_drivers : usual;
    g_autofree char *names = g_strjoinv(", ", drivers);
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    for (guint i = 0; i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        g_autofree char *path =
            g_strconcat("/lib/modules/", initrd->kver, "/modules.builtin", NULL);
        g_auto(GStrv) builtin = ccb_check_lines(ctx, path, error);
        for (char **driver = drivers; *driver != NULL; driver++) {
            g_autofree char *name = g_strdelimit(g_strdup(*driver), "-", '_');
            if (!g_hash_table_contains(initrd->modules, name) && !is_builtin(builtin, name))
                ccb_result_fail(result, "%s: no %s.ko for %s, and it is not built in", initrd->path,
                                *driver, initrd->kver);
        }
        ccb_result_pass(result, "%s: %s", initrd->path, names);
    }
    return true;
}

/* dracut 049 builds in `tmpdir`, whatever $TMPDIR says; its default is on the root file system. */
static bool run_tmpdir(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    /* Where an instance has a tmpfs, or cryptpilot brings one. */
    static const char *const outside[] = {"/tmp", "/dev/shm", "/run"};
    g_autofree char *values = ccb_check_dracut(ctx, "tmpdir", error);
    const char *blank = strrchr(values, ' ');
    const char *last = blank != NULL ? blank + 1 : values;
    if (*last == '\0')
        last = "/var/tmp";
    for (guint i = 0; i < G_N_ELEMENTS(outside); i++) {
        const char *rest = last + strlen(outside[i]);
        if (g_str_has_prefix(last, outside[i]) && (*rest == '\0' || *rest == '/'))
            return ccb_result_pass(result, "dracut's tmpdir is %s", last);
    }
    return ccb_result_fail(result, "dracut's tmpdir is %s", last);
}

const CcbCheck ccb_checks_initramfs[] = {
    {"initramfs.drivers", CCB_SEVERITY_ERROR,
     "Without the driver of its disk an instance does not find its root file system; the import "
     "looks for the other drivers.",
     "Make it with dracut --no-hostonly and --add-drivers, as the initramfs step does.",
     run_drivers},
    {"initramfs.tmpdir", CCB_SEVERITY_WARNING,
     "dracut builds an initramfs in its tmpdir, /var/tmp unless configured: on a root file system "
     "without free space, as cryptpilot makes it, it fails.",
     "Use the initramfs step, or write tmpdir=\"/tmp\" into a file of /etc/dracut.conf.d.",
     run_tmpdir},
    {0},
};
