/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloud-init, which makes an instance of an image: keys, host name, network, the size of the root. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "check/guest-units.h"
#include "text/cloudcfg.h"

#define CLOUD_CFG   "/etc/cloud/cloud.cfg"
#define CLOUD_CFG_D "/etc/cloud/cloud.cfg.d"
#define DATASOURCE  "AliYun"

typedef struct {
    char **items;     /* of a list; NULL where no file has the key */
    char *value;      /* of a scalar, likewise */
    const char *path; /* of the file that has it */
    guint line;
} Setting;

static void setting_clear(Setting *setting)
{
    g_strfreev(setting->items);
    g_free(setting->value);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Setting, setting_clear)

/* One file's word, over what was read before it.  Without `name` the key is a list, without `key` the name is at the
 * top. */
static bool read_setting(const CcbGuestText *file, const char *key, const char *name, Setting *ret,
                         GError **error)
{
    Setting own = {.path = file->path};
    bool ok =
        file->text == NULL ||
        (name == NULL
             ? ccb_cloudcfg_list(file->text, file->size, key, &own.items, &own.line, error)
             : ccb_cloudcfg_value(file->text, file->size, key, name, &own.value, &own.line, error));
    if (!ok)
        g_prefix_error(error, "%s: ", file->path);
    if (own.items != NULL || own.value != NULL) {
        setting_clear(ret);
        *ret = own;
    }
    return ok;
}

/* The later file overrides the key of an earlier one. */
static bool get_setting(CcbCheckContext *ctx, const char *key, const char *name, Setting *ret,
                        GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, CLOUD_CFG, error);
    char **names = ccb_check_list(ctx, CLOUD_CFG_D, error);
    if (file == NULL || names == NULL || !read_setting(file, key, name, ret, error))
        return false;
    for (; *names != NULL; names++) {
        g_autofree char *path = g_strconcat(CLOUD_CFG_D, "/", *names, NULL);
        if (!g_str_has_suffix(*names, ".cfg"))
            continue;
        file = ccb_check_text(ctx, path, error);
        if (file == NULL || !read_setting(file, key, name, ret, error))
            return false;
    }
    return true;
}

/* Started by links, or by the generator that el8's package has instead. */
static bool is_started(CcbCheckContext *ctx, bool *ret_started, GError **error)
{
    static const char *const units[] = {"cloud-init.service", "cloud-init-network.service",
                                        "cloud-init.target", NULL};
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL || !ccb_check_present(ctx,
                                          "/usr/lib/systemd/system-generators/"
                                          "cloud-init-generator",
                                          ret_started, error))
        return false;
    for (const char *const *unit = units; *unit != NULL && !*ret_started; unit++) {
        g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, *unit);
        *ret_started = by->len > 0 && ccb_unitgraph_has(set->graph, *unit);
    }
    return true;
}

static bool run_present(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char off[] = "/etc/cloud/cloud-init.disabled";
    bool program = false, disabled = false, started = false;
    if (!ccb_check_present(ctx, "/usr/bin/cloud-init", &program, error) ||
        !ccb_check_present(ctx, off, &disabled, error) || !is_started(ctx, &started, error))
        return false;
    if (!program)
        return ccb_result_fail(result, "/usr/bin/cloud-init is missing");
    if (disabled)
        ccb_result_fail(result, "%s switches it off", off);
    if (!started)
        ccb_result_fail(result, "cloud-init.service is not enabled");
    return ccb_result_pass(result, "installed and enabled");
}

static bool skip_without_cloud_init(CcbCheckContext *ctx, CcbCheckResult *result, bool *ret_skip,
                                    GError **error)
{
    bool program = false;
    if (!ccb_check_present(ctx, "/usr/bin/cloud-init", &program, error))
        return false;
    *ret_skip = !program;
    return program || ccb_result_skip(result, "there is no cloud-init (cloud-init.present)");
}

/* Without a list cloud-init tries all that it knows, this one among them. */
static bool run_datasource(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_auto(Setting) list = {0};
    bool skip = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    if (!get_setting(ctx, "datasource_list", NULL, &list, error))
        return false;
    if (list.items == NULL)
        return ccb_result_pass(result, "no datasource_list: all are tried");
    if (!g_strv_contains((const char *const *)list.items, DATASOURCE))
        return ccb_result_fail(result, "%s:%u: datasource_list without " DATASOURCE, list.path,
                               list.line);
    return ccb_result_pass(result, "%s:%u", list.path, list.line);
}

static bool check_modules(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const modules[] = {"growpart", "resizefs"};
    g_auto(Setting) list = {0};
    if (!get_setting(ctx, "cloud_init_modules", NULL, &list, error))
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
        if (list.items == NULL || !g_strv_contains((const char *const *)list.items, modules[i]))
            ccb_result_fail(result, "%s: cloud_init_modules without %s",
                            list.items != NULL ? list.path : CLOUD_CFG, modules[i]);
    return true;
}

static bool check_switches(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const off[] = {"off", "false", NULL};
    static const char disabled[] = "/etc/growroot-disabled";
    g_auto(Setting) mode = {0};
    bool present = false;
    if (!get_setting(ctx, "growpart", "mode", &mode, error) ||
        !ccb_check_present(ctx, disabled, &present, error))
        return false;
    if (mode.value != NULL && g_strv_contains(off, mode.value))
        ccb_result_fail(result, "%s:%u: growpart is off", mode.path, mode.line);
    if (present)
        ccb_result_fail(result, "%s switches growpart off", disabled);
    return true;
}

static bool run_growpart(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool skip = false, tool = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    if (!ccb_check_present(ctx, "/usr/bin/growpart", &tool, error) ||
        !check_modules(ctx, result, error) || !check_switches(ctx, result, error))
        return false;
    if (!tool)
        ccb_result_fail(result, "/usr/bin/growpart is missing");
    return ccb_result_pass(result, "growpart and resizefs");
}

/* The header that a request in the second version has; in DataSourceAliYun.py of cloud-init since 23.1,
 * and of older packages that have the change (68b94712a) in them. */
static const char token_header[] = "X-aliyun-ecs-metadata-token";

/* The data source of each Python that has one.  *ret_ok: there are any, and all of them ask so. */
static bool find_token_header(CcbCheckContext *ctx, GString *ret_paths, bool *ret_ok,
                              GError **error)
{
    static const char *const packages[] = {"site-packages", "dist-packages"};
    char **names = ccb_check_list(ctx, "/usr/lib", error);
    *ret_ok = names != NULL;
    for (char **name = names; name != NULL && *name != NULL; name++)
        for (guint i = 0; g_str_has_prefix(*name, "python3") && i < G_N_ELEMENTS(packages); i++) {
            g_autofree char *path = g_strdup_printf(
                "/usr/lib/%s/%s/cloudinit/sources/DataSourceAliYun.py", *name, packages[i]);
            const CcbGuestText *file = ccb_check_text(ctx, path, error);
            if (file == NULL)
                return false;
            if (file->text == NULL)
                continue;
            g_string_append_printf(ret_paths, "%s%s", ret_paths->len > 0 ? ", " : "", path);
            *ret_ok = *ret_ok && strstr(file->text, token_header) != NULL;
        }
    return names != NULL;
}

static bool run_imds_v2(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GString) paths = g_string_new(NULL);
    bool skip = false, asks = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    if (!find_token_header(ctx, paths, &asks, error))
        return false;
    if (paths->len == 0)
        return ccb_result_fail(result, "no DataSourceAliYun.py in any /usr/lib/python3*");
    if (!asks)
        return ccb_result_fail(result, "%s: no %s", paths->str, token_header);
    return ccb_result_pass(result, "%s", paths->str);
}

static bool is_true(const char *value)
{
    static const char *const words[] = {"true", "1", "on", "yes", NULL};
    g_autofree char *lower = g_ascii_strdown(value, -1);
    return g_strv_contains(words, lower);
}

/* The second is the first one's old name. */
static bool run_no_upgrade(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {"package_upgrade", "apt_upgrade"};
    bool skip = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_auto(Setting) upgrade = {0};
        if (!get_setting(ctx, NULL, names[i], &upgrade, error))
            return false;
        if (upgrade.value != NULL && is_true(upgrade.value))
            ccb_result_fail(result, "%s:%u: %s: %s", upgrade.path, upgrade.line, names[i],
                            upgrade.value);
    }
    return ccb_result_pass(result, "no package_upgrade");
}

const CcbCheck ccb_checks_cloud_init[] = {
    {"cloud-init.present", CCB_SEVERITY_ERROR,
     "Without cloud-init an instance has no keys, no name and the disk size of its image.",
     "Keep the base image's cloud-init installed and enabled.", run_present},
    {"cloud-init.datasource", CCB_SEVERITY_ERROR,
     "cloud-init does nothing where it does not look for the cloud that it runs in.",
     "List AliYun in datasource_list, in cloud.cfg or in a file of /etc/cloud/cloud.cfg.d.",
     run_datasource},
    {"cloud-init.growpart", CCB_SEVERITY_WARNING,
     "The root file system stays as small as the image's on any larger disk.",
     "Install cloud-utils-growpart, and keep growpart and resizefs in cloud_init_modules.",
     run_growpart},
    {"cloud-init.no-upgrade", CCB_SEVERITY_WARNING,
     "The first boot updates all packages, and may bring a kernel for which the driver has no "
     "modules.",
     "Take package_upgrade out of cloud.cfg, or out of the file of /etc/cloud/cloud.cfg.d.",
     run_no_upgrade},
    {CCB_CHECK_IMDS_V2, CCB_SEVERITY_WARNING,
     "Where a company enforces HttpTokens=required, no instance can be made of an image whose "
     "cloud-init asks the metadata service without a token.",
     "Install cloud-init 23.1 or later, or the vendor's with that change.", run_imds_v2},
    {0},
};
