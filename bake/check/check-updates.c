/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would put another kernel below the driver, which has no modules for it then, or another
 * driver in its place. */
#include <fnmatch.h>
#include <string.h>

#include "check/guest-module.h"
#include "check/guest-units.h"
#include "text/ini.h"

#define DNF_CONF         "/etc/dnf/dnf.conf"
#define VERSIONLOCK_CONF "/etc/dnf/plugins/versionlock.conf"
#define VERSIONLOCK_LIST "/etc/dnf/plugins/versionlock.list"

/* NULL where there is no such file, and on error. */
static CcbIni *read_ini(CcbCheckContext *ctx, const char *path, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file->text == NULL)
        return NULL;
    CcbIni *ini = ccb_ini_parse(file->text, file->size, error);
    if (ini == NULL)
        g_prefix_error(error, "%s: ", path);
    return ini;
}

/* --- what updates by itself */

static void check_enabled(CcbUnitSet *set, const char *unit, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, unit);
    if (by->len == 0 || !ccb_unitgraph_has(set->graph, unit))
        return;
    g_autofree char *edges = ccb_unit_edges_text(by);
    ccb_result_fail(result, "%s is enabled: %s", unit, edges);
}

/* The unit that does a timer's work: what its Unit= says, or the service of its name.  NULL for what
 * is not there. */
static const CcbUnit *find_service(CcbUnitSet *set, const char *name)
{
    const CcbUnit *unit = ccb_unitgraph_unit(set->graph, name);
    if (unit == NULL || !g_str_has_suffix(name, ".timer"))
        return unit;
    const char *service = ccb_unit_get(unit, "Timer", "Unit");
    g_autofree char *same =
        g_strdup_printf("%.*sservice", (int)(strrchr(name, '.') + 1 - name), name);
    return ccb_unitgraph_unit(set->graph, service != NULL ? service : same);
}

/* Services that a boot starts, or a timer that it starts, whose commands have dnf or yum update
 * packages. */
static void check_commands(CcbUnitSet *set, CcbCheckResult *result)
{
    static const char update[] =
        "\\b(dnf|yum)(-3)?\\s(.*\\s)?(update|upgrade)(-minimal)?(?![-\\w])";
    g_autoptr(GPtrArray) names = ccb_unitgraph_started(set->graph, ccb_unitset_target(set));
    for (guint i = 0; i < names->len; i++) {
        const CcbUnit *unit = find_service(set, names->pdata[i]);
        if (unit == NULL)
            continue;
        g_autoptr(GPtrArray) commands = ccb_unit_get_all(unit, "Service", "ExecStart");
        for (guint k = 0; k < commands->len; k++) {
            const CcbUnitValue *command = commands->pdata[k];
            if (!g_regex_match_simple(update, command->value, 0, 0))
                continue;
            ccb_result_fail(result, "%s:%u: %s=%s, and a boot starts %s", command->file,
                            command->line, command->key, command->value, (char *)names->pdata[i]);
            break;
        }
    }
}

static bool run_automatic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    check_enabled(set, "dnf-automatic-install.timer", result);
    check_enabled(set, "yum-cron.service", result);
    /* It does what its configuration says; without one it installs nothing. */
    g_autoptr(CcbIni) conf = read_ini(ctx, "/etc/dnf/automatic.conf", error);
    if (conf != NULL && ccb_ini_get_bool(conf, "commands", "apply_updates", false))
        check_enabled(set, "dnf-automatic.timer", result);
    check_commands(set, result);
    /* systemd.offline-updates(7): where this link is the next boot installs what it leads to. */
    if (ccb_check_lstat(ctx, "/system-update", error) != NULL)
        ccb_result_fail(result, "/system-update is there: the next boot installs updates");
    return ccb_result_pass(result, "nothing installs updates by itself");
}

/* --- what dnf leaves as it is */

/* A later version than that, as the repositories may bring it, without epoch; caller frees. */
static char *later_than(const char *version)
{
    g_auto(GStrv) numbers = g_strsplit(version != NULL ? version : "", ".", 3);
    bool known = numbers[0] != NULL && numbers[1] != NULL;
    return g_strdup_printf("%s.%s.999-999.al8", known ? numbers[0] : "999",
                           known ? numbers[1] : "999");
}

/* Whether a pattern of dnf's (name, name.arch, name-version-release.arch, with or without an epoch) is about that
 * version of the package.  NULL: about all of them by its name. */
static bool is_about(const char *pattern, const char *package, const char *version)
{
    static const char *const forms[] = {"%s",           "%s.x86_64", "%s-%s",
                                        "%s-%s.x86_64", "%s-0:%s",   "%s-0:%s.x86_64"};
    for (guint i = 0; i < (version != NULL ? G_N_ELEMENTS(forms) : 2); i++) {
        g_autoptr(GString) name = g_string_new(forms[i]);
        g_string_replace(name, "%s", package, 1);
        if (version != NULL)
            g_string_replace(name, "%s", version, 1);
        if (fnmatch(pattern, name->str, 0) == 0)
            return true;
    }
    return false;
}

static bool is_excluded(CcbCheckContext *ctx, const char *package, const char *later,
                        GError **error)
{
    static const char *const keys[] = {"exclude", "excludepkgs"};
    g_autoptr(CcbIni) conf = read_ini(ctx, DNF_CONF, error);
    for (guint i = 0; conf != NULL && i < G_N_ELEMENTS(keys); i++) {
        const char *value = ccb_ini_get(conf, "main", keys[i]);
        g_auto(GStrv) words = g_strsplit_set(value != NULL ? value : "", " \t,", -1);
        for (char **word = words; *word != NULL; word++)
            if (is_about(*word, package, later))
                return true;
    }
    return false;
}

/* Caller frees. */
static char *locklist_of(CcbCheckContext *ctx, GError **error)
{
    g_autoptr(CcbIni) conf = read_ini(ctx, VERSIONLOCK_CONF, error);
    const char *path = conf != NULL ? ccb_ini_get(conf, "main", "locklist") : NULL;
    return g_strdup(path != NULL && path[0] == '/' ? path : VERSIONLOCK_LIST);
}

/* A line keeps the versions out that it is not about: one without a version none.  With '!' it keeps one version out,
 * and lets the next one in. */
static bool is_in_list(CcbCheckContext *ctx, const char *list, const char *package,
                       const char *later, GError **error)
{
    g_auto(GStrv) lines = ccb_check_lines(ctx, list, error);
    for (char **line = lines; *line != NULL; line++) {
        g_auto(GStrv) parts = g_regex_split_simple("-(?=[0-9*])", *line, 0, 0);
        if (parts[0] != NULL && parts[1] != NULL && is_about(parts[0], package, NULL) &&
            !is_about(*line, package, later))
            return true;
    }
    return false;
}

/* The list does nothing without the plugin, which is a package of its own. */
static bool has_versionlock(CcbCheckContext *ctx, GError **error)
{
    g_autoptr(CcbIni) dnf = read_ini(ctx, DNF_CONF, error);
    g_autoptr(CcbIni) conf = read_ini(ctx, VERSIONLOCK_CONF, error);
    if (dnf != NULL && !ccb_ini_get_bool(dnf, "main", "plugins", true))
        return false;
    if (conf != NULL && !ccb_ini_get_bool(conf, "main", "enabled", true))
        return false;
    for (char **name = ccb_check_list(ctx, "/usr/lib", error); *name != NULL; name++) {
        g_autofree char *plugin =
            g_strdup_printf("/usr/lib/%s/site-packages/dnf-plugins/versionlock.py", *name);
        if (g_str_has_prefix(*name, "python3") && ccb_check_exists(ctx, plugin, error))
            return true;
    }
    return false;
}

/* Fails the result where dnf would update the package, of which that version is installed. */
static void check_lock(CcbCheckContext *ctx, const char *package, const char *version,
                       CcbCheckResult *result, GError **error)
{
    g_autofree char *later = later_than(version);
    if (is_excluded(ctx, package, later, error))
        return;
    g_autofree char *list = locklist_of(ctx, error);
    if (!is_in_list(ctx, list, package, later, error))
        ccb_result_fail(result, "%s: no exclude= in %s, no line in %s", package, DNF_CONF, list);
    else if (!has_versionlock(ctx, error))
        ccb_result_fail(result,
                        "%s names %s, but dnf loads no plugin that reads it: it is not installed, "
                        "or switched off",
                        list, package);
}

static bool run_kernel_lock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    check_lock(ctx, "kernel-core", ccb_check_kver(ctx, error), result, error);
    return ccb_result_pass(result, "dnf leaves kernel-core as it is");
}

static bool run_driver_lock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (ccb_check_exists(ctx, "/usr/bin/nvidia-uninstall", error))
        return ccb_result_skip(result, "the driver was installed by its own installer");
    /* All that has the driver's version goes with it: libraries, Fabric Manager, NSCQ. */
    const char *version = ccb_check_driver_version(ctx, error);
    for (char **package = ccb_check_packages(ctx, error); *package != NULL; package++) {
        g_auto(GStrv) parts = ccb_package_parts(*package);
        if (parts != NULL && g_str_equal(parts[1], version))
            check_lock(ctx, parts[0], version, result, error);
    }
    return ccb_result_pass(result, "dnf leaves the driver as it is");
}

const CcbCheck ccb_checks_updates[] = {
    {"updates.automatic", CCB_SEVERITY_WARNING,
     "An update that nobody asked for may bring a kernel for which the driver has no modules.",
     "Disable the unit, or leave it out of the recipe; remove /system-update.", run_automatic},
    {"updates.kernel-lock", CCB_SEVERITY_WARNING,
     "The driver's modules are for the kernels in the image: after dnf update the next boot has no "
     "GPU.",
     "Add exclude=kernel* to /etc/dnf/dnf.conf, or lock kernel-core with dnf versionlock.",
     run_kernel_lock},
    {"updates.driver-lock", CCB_SEVERITY_WARNING,
     "A driver from packages is replaced by the next update, perhaps without its modules or Fabric "
     "Manager, which have to be of one version.",
     "Add its packages to exclude= in /etc/dnf/dnf.conf, or lock them with dnf versionlock.",
     run_driver_lock},
    {0},
};
