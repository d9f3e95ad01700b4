/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would put another kernel below the driver, which has no modules for it then, or another
 * driver in its place. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "check/guest-module.h"
#include "check/guest-units.h"
#include "text/ini.h"

#define AUTOMATIC_CONF   "/etc/dnf/automatic.conf"
#define DNF_CONF         "/etc/dnf/dnf.conf"
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

/* The first of the unit's commands that has dnf or yum update packages; NULL: none does. */
static const CcbUnitValue *find_update(const CcbUnit *unit)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", "ExecStart");
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        if (g_regex_match_simple(
                "\\b(dnf|yum)(-3)?\\s(.*\\s)?(update|upgrade)(-minimal)?(?![-\\w])", value->value,
                0, 0))
            return value;
    }
    return NULL;
}

/* What a timer starts: what its Unit= says, or the service of its name. */
static char *service_of(CcbUnitSet *set, const char *timer)
{
    const CcbUnit *unit = ccb_unitgraph_unit(set->graph, timer);
    const char *service = unit != NULL ? ccb_unit_get(unit, "Timer", "Unit") : NULL;
    size_t stem = strlen(timer) - strlen(".timer");
    return service != NULL ? g_strdup(service) : g_strdup_printf("%.*s.service", (int)stem, timer);
}

/* Services that a boot starts, or a timer that it starts. */
static void judge_commands(CcbUnitSet *set, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) names = ccb_unitgraph_started(set->graph, ccb_unitset_target(set));
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *service =
            g_str_has_suffix(name, ".timer") ? service_of(set, name) : g_strdup(name);
        const CcbUnit *unit = ccb_unitgraph_unit(set->graph, service);
        const CcbUnitValue *command = unit != NULL ? find_update(unit) : NULL;
        if (command != NULL)
            ccb_result_fail(result, "%s:%u: %s=%s, and a boot starts %s", command->file,
                            command->line, command->key, command->value, name);
    }
}

/* systemd.offline-updates(7): where this link is the next boot installs what it leads to. */
static bool judge_offline_update(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char link[] = "/system-update";
    CcbStat st;
    bool exists = false;
    if (!ccb_check_lstat(ctx, link, &st, &exists, error))
        return false;
    if (exists)
        ccb_result_fail(result, "%s is there: the next boot installs updates", link);
    return true;
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
    judge_commands(set, result);
    if (!judge_offline_update(ctx, result, error))
        return false;
    return ccb_result_pass(result, "nothing installs updates by itself");
}

/* Whether a name or pattern, perhaps with a version, is about the package. */
static bool is_about(const char *pattern, const char *package)
{
    size_t length = strlen(package);
    return g_pattern_match_simple(pattern, package) ||
           (strncmp(pattern, package, length) == 0 && pattern[length] == '-' &&
            (g_ascii_isdigit(pattern[length + 1]) || pattern[length + 1] == '*'));
}

static bool excludes(const CcbIni *conf, const char *package)
{
    static const char *const keys[] = {"exclude", "excludepkgs"};
    for (guint i = 0; conf != NULL && i < G_N_ELEMENTS(keys); i++) {
        const char *value = ccb_ini_get(conf, "main", keys[i]);
        g_auto(GStrv) words = g_strsplit_set(value != NULL ? value : "", " \t,", -1);
        for (char **word = words; *word != NULL; word++)
            if (is_about(*word, package))
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
static bool lists(const CcbGuestText *list, const char *package)
{
    g_auto(GStrv) lines = g_strsplit(list->text != NULL ? list->text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (is_about(g_strstrip(*line), package))
            return true;
    return false;
}

/* Fails the result where dnf would update the package. */
static bool judge_lock(CcbCheckContext *ctx, const char *package, CcbCheckResult *result,
                       GError **error)
{
    g_autoptr(CcbIni) conf = NULL;
    const CcbGuestText *list = ccb_check_text(ctx, VERSIONLOCK_LIST, error);
    bool plugin = false;
    if (list == NULL || !read_ini(ctx, DNF_CONF, &conf, error) ||
        !has_versionlock(ctx, &plugin, error))
        return false;
    if (excludes(conf, package))
        return true;
    if (!lists(list, package))
        return ccb_result_fail(result, "%s: no exclude= in %s, no line in %s", package, DNF_CONF,
                               VERSIONLOCK_LIST);
    return plugin || ccb_result_fail(result, "%s names %s, but dnf's plugin is not installed",
                                     VERSIONLOCK_LIST, package);
}

static bool run_kernel_lock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    return judge_lock(ctx, "kernel-core", result, error) &&
           ccb_result_pass(result, "dnf leaves kernel-core as it is");
}

/* The name of a package of that version, whatever its release; NULL for another.  Caller frees. */
static char *name_with_version(const char *package, const char *version)
{
    const char *release = strrchr(package, '-');
    g_autofree char *front =
        release != NULL ? g_strndup(package, (gsize)(release - package)) : NULL;
    char *evr = front != NULL ? strrchr(front, '-') : NULL;
    if (evr == NULL)
        return NULL;
    const char *colon = strchr(evr, ':');
    *evr = '\0';
    return g_str_equal(colon != NULL ? colon + 1 : evr + 1, version) ? g_steal_pointer(&front)
                                                                     : NULL;
}

/* All that has the driver's version goes with it: libraries, Fabric Manager, NSCQ. */
static bool judge_driver_packages(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *version = ccb_check_driver_version(ctx, error);
    char **package = version != NULL ? ccb_check_packages(ctx, error) : NULL;
    if (package == NULL)
        return false;
    for (; *package != NULL; package++) {
        g_autofree char *name = name_with_version(*package, version);
        if (name != NULL && !judge_lock(ctx, name, result, error))
            return false;
    }
    return ccb_result_pass(result, "dnf leaves the driver as it is");
}

static bool run_driver_lock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool by_installer = false;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (!ccb_check_present(ctx, "/usr/bin/nvidia-uninstall", &by_installer, error))
        return false;
    if (by_installer)
        return ccb_result_skip(result, "the driver was installed by its own installer");
    return judge_driver_packages(ctx, result, error);
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
