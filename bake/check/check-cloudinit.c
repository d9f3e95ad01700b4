/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloud-init, which makes an instance of an image: keys, host name, network, the size of the root. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "check/context.h"
#include "check/ds-identify.h"
#include "check/guest-cmdline.h"
#include "check/guest-units.h"
#include "recipe/yaml.h"

#define CLOUD_CFG   "/etc/cloud/cloud.cfg"
#define CLOUD_CFG_D "/etc/cloud/cloud.cfg.d"
#define DS_IDENTIFY "/etc/cloud/ds-identify.cfg"

/* What cloud-init reads. */
typedef struct {
    GPtrArray *files;   /* CcbNode: maps; a later file overrides the keys of an earlier one */
    GPtrArray *ignored; /* char *: why cloud-init takes nothing from a file */
} CloudConfig;

static void free_config(gpointer data)
{
    CloudConfig *config = data;
    g_ptr_array_unref(config->files);
    g_ptr_array_unref(config->ignored);
    g_free(config);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CloudConfig, free_config)

static bool add_file(CcbCheckContext *ctx, const char *path, CloudConfig *config, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL || file->text == NULL)
        return file != NULL;
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbNode) node = ccb_yaml_parse_lenient(file->text, file->size, path, &reason);
    if (node == NULL)
        g_ptr_array_add(config->ignored, g_strdup(reason->message));
    else if (node->type == CCB_NODE_MAP)
        g_ptr_array_add(config->files, g_steal_pointer(&node));
    else if (!ccb_node_is_null(node))
        g_ptr_array_add(config->ignored, g_strdup_printf("%s: no map of keys", path));
    return true;
}

static gpointer produce_config(CcbCheckContext *ctx, const char *name, GError **error)
{
    g_autoptr(CloudConfig) config = g_new0(CloudConfig, 1);
    config->files = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_node_free);
    config->ignored = g_ptr_array_new_with_free_func(g_free);
    char **names = ccb_check_list(ctx, CLOUD_CFG_D, error);
    if (names == NULL || !add_file(ctx, CLOUD_CFG, config, error))
        return NULL;
    const CcbNode *elsewhere =
        config->files->len > 0 ? ccb_node_get(config->files->pdata[0], "conf_d") : NULL;
    if (elsewhere != NULL)
        g_ptr_array_add(config->ignored,
                        g_strdup_printf("%s:%d: conf_d: it takes no file of " CLOUD_CFG_D,
                                        elsewhere->file, elsewhere->line));
    for (; *names != NULL; names++) {
        g_autofree char *path = g_strconcat(CLOUD_CFG_D, "/", *names, NULL);
        if (g_str_has_suffix(*names, ".cfg") && !add_file(ctx, path, config, error))
            return NULL;
    }
    return g_steal_pointer(&config);
}

static const CloudConfig *get_config(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "cloud-config", "", produce_config, free_config, error);
}

/* The value of a key at the top, or with `name` of that key in the map that it has; NULL: no file has it. */
static const CcbNode *get_setting(const CloudConfig *config, const char *key, const char *name)
{
    for (guint i = config->files->len; i > 0; i--) {
        const CcbNode *node = ccb_node_get(config->files->pdata[i - 1], key);
        if (name != NULL)
            node = ccb_node_get(node, name);
        if (node != NULL)
            return node;
    }
    return NULL;
}

/* Whether the node is a list that has the word, alone or at the head of a list: "ssh", "[ssh, always]". */
static bool has_item(const CcbNode *list, const char *word)
{
    for (guint i = 0; list->type == CCB_NODE_LIST && i < list->items->len; i++) {
        const CcbNode *item = list->items->pdata[i];
        if (item->type == CCB_NODE_LIST && item->items->len > 0)
            item = item->items->pdata[0];
        if (g_strcmp0(item->text, word) == 0)
            return true;
    }
    return false;
}

/* As util.is_true() and util.is_false() of cloud-init. */
static bool is_one_of(const CcbNode *node, const char *const *words)
{
    if (node == NULL || node->type != CCB_NODE_SCALAR)
        return false;
    g_autofree char *lower = g_ascii_strdown(node->text, -1);
    return g_strv_contains(words, g_strstrip(lower));
}

/* Whether the generator runs that el8's package has: a link to nothing in /etc hides that of the package. */
static bool has_generator(CcbCheckContext *ctx, GError **error)
{
    static const char *const directories[] = {"/etc/systemd", "/usr/local/lib/systemd",
                                              "/usr/lib/systemd"};
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_autofree char *path =
            g_strconcat(directories[i], "/system-generators/cloud-init-generator", NULL);
        const CcbStat *st = ccb_check_lstat(ctx, path, error);
        if (st == NULL)
            continue;
        g_autofree char *target = S_ISLNK(st->mode) ? ccb_check_readlink(ctx, path, error) : NULL;
        return g_strcmp0(target, "/dev/null") != 0;
    }
    return false;
}

/* Started by links, or by the generator. */
static bool is_started(CcbCheckContext *ctx, GError **error)
{
    static const char *const units[] = {"cloud-init.service", "cloud-init-network.service",
                                        "cloud-init.target"};
    CcbUnitSet *set = ccb_check_units(ctx, error);
    bool started = has_generator(ctx, error);
    for (guint i = 0; set != NULL && !started && i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, units[i]);
        started = by->len > 0 && ccb_unitgraph_has(set->graph, units[i]);
    }
    return started;
}

/* What ds-identify is told for this boot. */
static void read_told(CcbCheckContext *ctx, CcbDsIdentify *ret, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, DS_IDENTIFY, error);
    const CcbCmdline *line = ccb_check_cmdline(ctx, error);
    if (file->text != NULL)
        ccb_ds_identify_read_file(ret, file->text, DS_IDENTIFY);
    if (line != NULL)
        ccb_ds_identify_read_line(ret, line);
}

static bool run_present(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char file[] = "/etc/cloud/cloud-init.disabled";
    g_auto(CcbDsIdentify) told = {0};
    if (!ccb_check_exists(ctx, "/usr/bin/cloud-init", error))
        return ccb_result_fail(result, "/usr/bin/cloud-init is missing");
    read_told(ctx, &told, error);
    g_autofree char *off = ccb_ds_identify_off(&told);
    const CcbCmdline *line = ccb_check_cmdline(ctx, error);
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (ccb_check_lstat(ctx, file, error) != NULL)
        ccb_result_fail(result, "%s switches it off", file);
    if (line != NULL && ccb_cmdline_has(line, "cloud-init=disabled"))
        ccb_result_fail(result, "cloud-init=disabled on the kernel's command line switches it off");
    if (off != NULL)
        ccb_result_fail(result, "%s", off);
    if (!is_started(ctx, error))
        ccb_result_fail(result, "cloud-init.service is not enabled");
    for (const char *const *unit = ccb_cloud_init_units; set != NULL && *unit != NULL; unit++)
        if (g_hash_table_contains(set->masked, *unit))
            ccb_result_fail(result, "%s is masked", *unit);
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
    bool skip = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    const CloudConfig *config = get_config(ctx, error);
    if (config == NULL)
        return false;
    for (guint i = 0; i < config->ignored->len; i++)
        ccb_result_fail(result, "cloud-init does not read all of its files: %s",
                        (const char *)config->ignored->pdata[i]);
    g_auto(CcbDsIdentify) told = {0};
    read_told(ctx, &told, error);
    g_autofree char *other = ccb_ds_identify_other(&told);
    if (other != NULL)
        ccb_result_fail(result, "%s", other);
    const CcbNode *list = get_setting(config, "datasource_list", NULL);
    if (list == NULL)
        return ccb_result_pass(result, "no datasource_list: all are tried");
    if (!has_item(list, CCB_DATASOURCE))
        return ccb_result_fail(result, "%s:%d: datasource_list without " CCB_DATASOURCE, list->file,
                               list->line);
    return ccb_result_pass(result, "%s:%d", list->file, list->line);
}

static bool run_growpart(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const modules[] = {"growpart", "resizefs"};
    static const char *const off[] = {"off", "0", "no", "false", NULL};
    static const char disabled[] = "/etc/growroot-disabled";
    bool skip = false, tool = false, is_disabled = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    const CloudConfig *config = get_config(ctx, error);
    if (config == NULL || !ccb_check_present(ctx, "/usr/bin/growpart", &tool, error) ||
        !ccb_check_present(ctx, disabled, &is_disabled, error))
        return false;
    const CcbNode *list = get_setting(config, "cloud_init_modules", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
        if (list == NULL || !has_item(list, modules[i]))
            ccb_result_fail(result, "%s: cloud_init_modules without %s",
                            list != NULL ? list->file : CLOUD_CFG, modules[i]);
    const CcbNode *devices = get_setting(config, "growpart", "devices");
    const CcbNode *resize = get_setting(config, "resize_rootfs", NULL);
    if (devices != NULL && !has_item(devices, "/"))
        ccb_result_fail(result, "%s:%d: the devices of growpart are without /", devices->file,
                        devices->line);
    if (is_one_of(resize, off))
        ccb_result_fail(result, "%s:%d: resize_rootfs is off", resize->file, resize->line);
    const CcbNode *mode = get_setting(config, "growpart", "mode");
    if (is_one_of(mode, off))
        ccb_result_fail(result, "%s:%d: growpart is off", mode->file, mode->line);
    if (is_disabled)
        ccb_result_fail(result, "%s switches growpart off", disabled);
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

/* The second is the first one's old name. */
static bool run_no_upgrade(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {"package_upgrade", "apt_upgrade"};
    static const char *const on[] = {"true", "1", "on", "yes", NULL};
    bool skip = false;
    if (!skip_without_cloud_init(ctx, result, &skip, error) || skip)
        return skip;
    const CloudConfig *config = get_config(ctx, error);
    if (config == NULL)
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const CcbNode *upgrade = get_setting(config, names[i], NULL);
        if (is_one_of(upgrade, on))
            ccb_result_fail(result, "%s:%d: %s: %s", upgrade->file, upgrade->line, names[i],
                            upgrade->text);
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
