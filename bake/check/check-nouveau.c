/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nouveau, which would take the GPU: wherever it could be loaded from, something has to keep it
 * off.  Whichever of disk and initramfs has the module, its own modprobe.d counts. */
#include <string.h>

#include "base/error.h"
#include "check/guest-grub.h"
#include "check/guest-module.h"
#include "check/initrd.h"
#include "text/cmdline.h"

/* Lists on the kernel's command line: of modprobe and of the kernel itself everywhere, dracut's only
 * in the initramfs. */
static const char *const disk_blacklists[] = {"modprobe.blacklist", "module_blacklist", NULL};
static const char *const initramfs_blacklists[] = {"modprobe.blacklist", "module_blacklist",
                                                   "rd.driver.blacklist", NULL};

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

static bool is_listed(const CcbCmdline *line, const char *key)
{
    g_auto(GStrv) values = ccb_cmdline_values(line, key);
    bool listed = false;
    for (char **value = values; !listed && *value != NULL; value++) {
        g_auto(GStrv) modules = g_strsplit(*value, ",", -1);
        listed = g_strv_contains((const char *const *)modules, "nouveau");
    }
    return listed;
}

static bool line_keeps_off(const CcbCmdline *line, const char *const *blacklists)
{
    for (; *blacklists != NULL; blacklists++)
        if (is_listed(line, *blacklists))
            return true;
    g_autofree char *modeset = ccb_cmdline_get(line, "nouveau.modeset");
    return g_strcmp0(modeset, "0") == 0;
}

/* A place that has the module, and what can keep it off there. */
typedef struct {
    const CcbBootEntry *entry;
    const CcbModprobe *config;
    const char *const *blacklists;
    const char *where; /* for messages */
} Place;

static bool judge(CcbCheckContext *ctx, const Place *place, CcbCheckResult *result, GError **error)
{
    if (config_keeps_off(place->config))
        return ccb_result_pass(result, "%s: by modprobe.d", place->where);
    g_autofree char *options = ccb_check_boot_options(ctx, place->entry, error);
    g_autoptr(CcbCmdline) line = options != NULL ? ccb_cmdline_parse(options, error) : NULL;
    if (line == NULL) {
        g_prefix_error(error, "%s: ", place->entry->path);
        return false;
    }
    if (line_keeps_off(line, place->blacklists))
        return ccb_result_pass(result, "%s: by %s", place->where, place->entry->path);
    return ccb_result_fail(result,
                           "%s has nouveau.ko, and neither \"blacklist nouveau\" in its modprobe.d "
                           "nor modprobe.blacklist=nouveau in %s keeps it off",
                           place->where, place->entry->path);
}

static bool judge_kernel(CcbCheckContext *ctx, const CcbBootEntry *entry, guint *found,
                         CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    g_autofree char *root = g_strconcat("/lib/modules/", entry->kver, NULL);
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    if (config == NULL || !ccb_check_module_paths(ctx, entry->kver, "nouveau", &paths, error))
        return false;
    *found += paths->len;
    const Place place = {entry, config, disk_blacklists, root};
    return paths->len == 0 || judge(ctx, &place, result, error);
}

static bool run_disk(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found = 0;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    for (guint i = 0; entries != NULL && i < entries->len; i++)
        if (!judge_kernel(ctx, entries->pdata[i], &found, result, error))
            return false;
    return entries != NULL && (found > 0 || ccb_result_skip(result, "no kernel has nouveau.ko"));
}

static bool run_initramfs(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found = 0;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const GPtrArray *initrds = ccb_check_initrds(ctx, error);
    const GPtrArray *entries = initrds != NULL ? ccb_check_boot_entries(ctx, error) : NULL;
    for (guint i = 0; entries != NULL && i < initrds->len; i++) {
        const CcbInitrd *initrd = initrds->pdata[i];
        const Place place = {entries->pdata[i], initrd->modprobe, initramfs_blacklists,
                             initrd->path};
        if (!g_hash_table_contains(initrd->modules, "nouveau"))
            continue;
        found += 1;
        if (!judge(ctx, &place, result, error))
            return false;
    }
    return entries != NULL && (found > 0 || ccb_result_pass(result, "no initramfs has nouveau.ko"));
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
