/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would put another kernel below the driver, which has no modules for it then. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "check/unitset.h"
#include "format/ini.h"

#define AUTOMATIC_CONF   "/etc/dnf/automatic.conf"
#define VERSIONLOCK_LIST "/etc/dnf/plugins/versionlock.list"
#define VERSIONLOCK_CONF "/etc/dnf/plugins/versionlock.conf"

/* An ini file; *ret is NULL where there is no such file. */
static bool read_ini(CcbCheckContext *ctx, const char *path, CcbIni **ret, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    *ret = file->text != NULL ? ccb_ini_parse(file->text, file->size, error) : NULL;
    if (*ret != NULL || file->text == NULL)
        return true;
    g_prefix_error(error, "%s: ", path);
    return false;
}

/* dnf-automatic.timer does what its configuration says; without one it installs nothing. */
static bool applies_updates(CcbCheckContext *ctx, bool *ret_applies, GError **error)
{
    g_autoptr(CcbIni) conf = NULL;
    if (!read_ini(ctx, AUTOMATIC_CONF, &conf, error))
        return false;
    *ret_applies = conf != NULL && ccb_ini_get_bool(conf, "commands", "apply_updates", false);
    return true;
}

static void judge_unit(CcbUnitSet *set, const char *unit, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, unit);
    if (by->len == 0 || !ccb_unitgraph_has(set->graph, unit))
        return;
    g_autofree char *edges = ccb_unit_edges_text(by);
    ccb_result_fail(result, "%s is enabled: %s", unit, edges);
}

static bool run_automatic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    bool applies = false;
    if (set == NULL || !applies_updates(ctx, &applies, error))
        return false;
    judge_unit(set, "dnf-automatic-install.timer", result);
    judge_unit(set, "yum-cron.service", result);
    if (applies)
        judge_unit(set, "dnf-automatic.timer", result);
    return ccb_result_pass(result, "nothing installs updates by itself");
}

/* Whether a name or pattern, perhaps with a version, is about the package that holds a kernel. */
static bool is_about_kernel(const char *pattern)
{
    return g_pattern_match_simple(pattern, "kernel-core") ||
           g_str_has_prefix(pattern, "kernel-core-");
}

static bool excludes_kernel(const CcbIni *conf)
{
    static const char *const keys[] = {"exclude", "excludepkgs"};
    for (guint i = 0; conf != NULL && i < G_N_ELEMENTS(keys); i++) {
        const char *value = ccb_ini_get(conf, "main", keys[i]);
        g_auto(GStrv) words = g_strsplit_set(value != NULL ? value : "", " \t,", -1);
        for (char **word = words; *word != NULL; word++)
            if (is_about_kernel(*word))
                return true;
    }
    return false;
}

/* The list does nothing without the plugin, which is a package of its own. */
static bool has_versionlock(CcbCheckContext *ctx, bool *ret_has, GError **error)
{
    g_autoptr(CcbIni) conf = NULL;
    char **names = ccb_check_list(ctx, "/usr/lib", error);
    *ret_has = false;
    if (names == NULL || !read_ini(ctx, VERSIONLOCK_CONF, &conf, error))
        return false;
    if (conf != NULL && !ccb_ini_get_bool(conf, "main", "enabled", true))
        return true;
    for (; *names != NULL && !*ret_has; names++) {
        g_autofree char *plugin =
            g_strdup_printf("/usr/lib/%s/site-packages/dnf-plugins/versionlock.py", *names);
        if (g_str_has_prefix(*names, "python3") && !ccb_check_present(ctx, plugin, ret_has, error))
            return false;
    }
    return true;
}

/* A line with '!' keeps one version out, and lets the next one in. */
static bool locks_kernel(const CcbGuestText *list)
{
    g_auto(GStrv) lines = g_strsplit(list->text != NULL ? list->text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (is_about_kernel(g_strstrip(*line)))
            return true;
    return false;
}

static bool run_kernel_lock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbIni) conf = NULL;
    const CcbGuestText *list;
    bool plugin = false;
    if (ctx->gpus == 0)
        return ccb_result_skip(result, "no driver is asked for");
    if (!read_ini(ctx, "/etc/dnf/dnf.conf", &conf, error))
        return false;
    if (excludes_kernel(conf))
        return ccb_result_pass(result, "/etc/dnf/dnf.conf excludes the kernel");
    list = ccb_check_text(ctx, VERSIONLOCK_LIST, error);
    if (list == NULL || !has_versionlock(ctx, &plugin, error))
        return false;
    if (!locks_kernel(list))
        return ccb_result_fail(result, "no exclude=kernel* in /etc/dnf/dnf.conf, no kernel in %s",
                               VERSIONLOCK_LIST);
    if (!plugin)
        return ccb_result_fail(result, "%s names the kernel, but dnf's plugin is not installed",
                               VERSIONLOCK_LIST);
    return ccb_result_pass(result, "%s", VERSIONLOCK_LIST);
}

const CcbCheck ccb_checks_updates[] = {
    {"updates.automatic", CCB_SEVERITY_WARNING,
     "An update that nobody asked for may bring a kernel for which the driver has no modules.",
     "Disable the unit, or leave it out of the recipe.", run_automatic},
    {"updates.kernel-lock", CCB_SEVERITY_WARNING,
     "The driver's modules are for the kernels in the image: after dnf update the next boot has no "
     "GPU.",
     "Add exclude=kernel* to /etc/dnf/dnf.conf, or lock kernel-core with dnf versionlock.",
     run_kernel_lock},
    {0},
};
