/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-network.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "systemd/unit.h"
#include "text/ini.h"
#include "text/shellvars.h"

/* What in a file's text fixes an address, as "KEY=value", or NULL.  Errors of the text. */
typedef bool (*FindAddress)(const CcbGuestText *file, char **ret_found, GError **error);

static bool is_loopback(const char *device)
{
    return device != NULL && g_str_equal(device, "lo");
}

/* initscripts and NetworkManager's plugin: an address counts unless BOOTPROTO is dhcp. */
static bool find_in_ifcfg(const CcbGuestText *file, char **ret_found, GError **error)
{
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL)
        return false;
    g_autofree char *device = ccb_shellvars_get(vars, "DEVICE");
    g_autofree char *protocol = ccb_shellvars_get(vars, "BOOTPROTO");
    g_autofree char *address = ccb_shellvars_get(vars, "IPADDR");
    if (address == NULL)
        address = ccb_shellvars_get(vars, "IPADDR0");
    bool dhcp = protocol != NULL && g_ascii_strcasecmp(protocol, "dhcp") == 0;
    if (address != NULL && !dhcp && !is_loopback(device))
        *ret_found = g_strdup_printf("IPADDR=%s", address);
    return true;
}

static bool find_in_keyfile(const CcbGuestText *file, char **ret_found, GError **error)
{
    static const char *const sections[] = {"ipv4", "ipv6"};
    g_autoptr(CcbIni) ini = ccb_ini_parse(file->text, file->size, error);
    if (ini == NULL)
        return false;
    bool loopback = is_loopback(ccb_ini_get(ini, "connection", "interface-name"));
    for (guint i = 0; i < G_N_ELEMENTS(sections) && !loopback; i++)
        if (g_strcmp0(ccb_ini_get(ini, sections[i], "method"), "manual") == 0)
            *ret_found = g_strdup_printf("[%s] method=manual", sections[i]);
    return true;
}

static bool find_in_networkd(const CcbGuestText *file, char **ret_found, GError **error)
{
    static const char *const sections[] = {"Network", "Address"};
    g_autoptr(CcbUnit) unit = ccb_unit_parse(file->text, file->size, file->path, error);
    if (unit == NULL)
        return false;
    bool loopback = is_loopback(ccb_unit_get(unit, "Match", "Name"));
    for (guint i = 0; i < G_N_ELEMENTS(sections) && !loopback; i++) {
        const char *address = ccb_unit_get(unit, sections[i], "Address");
        if (address != NULL)
            *ret_found = g_strdup_printf("Address=%s", address);
    }
    return true;
}

/* Directories, and which names in them are read.  What systemd has below /usr/lib is for containers,
 * with addresses of theirs. */
static const struct {
    const char *directory;
    const char *prefix, *suffix; /* "" for any */
    FindAddress find;
} places[] = {
    {"/etc/sysconfig/network-scripts", "ifcfg-", "", find_in_ifcfg},
    {"/etc/NetworkManager/system-connections", "", "", find_in_keyfile},
    {"/usr/lib/NetworkManager/system-connections", "", ".nmconnection", find_in_keyfile},
    {"/etc/systemd/network", "", ".network", find_in_networkd},
};

/* Copies that editors and rpm leave are not read by the programs either. */
static bool is_copy(const char *name)
{
    static const char *const suffixes[] = {"~",        ".bak",     ".orig",   ".old",
                                           ".rpmsave", ".rpmorig", ".rpmnew", ".swp"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(name, suffixes[i]))
            return true;
    return *name == '.';
}

/* Neither a directory nor a link to /dev/null, which switches a file off. */
static bool is_read(CcbCheckContext *ctx, const char *path, bool *ret_read, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_check_lstat(ctx, path, &st, &exists, error))
        return false;
    *ret_read = exists && !S_ISDIR(st.mode);
    if (!*ret_read || !S_ISLNK(st.mode))
        return true;
    g_autofree char *target = ccb_guest_readlink(ctx->guest, path, error);
    *ret_read = g_strcmp0(target, "/dev/null") != 0;
    return target != NULL;
}

static bool judge_file(CcbCheckContext *ctx, const char *path, FindAddress find,
                       CcbCheckResult *result, GError **error)
{
    bool read = false;
    g_autofree char *found = NULL;
    if (!is_read(ctx, path, &read, error))
        return false;
    const CcbGuestText *file = read ? ccb_check_text(ctx, path, error) : NULL;
    if (file == NULL)
        return !read;
    if (file->text == NULL) /* a link to nothing */
        return true;
    if (!find(file, &found, error)) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    if (found != NULL)
        ccb_result_fail(result, "%s: %s", path, found);
    return true;
}

bool ccb_check_static_addresses(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        char **names = ccb_check_list(ctx, places[i].directory, error);
        if (names == NULL)
            return false;
        for (; *names != NULL; names++) {
            g_autofree char *path = g_strconcat(places[i].directory, "/", *names, NULL);
            if (g_str_has_prefix(*names, places[i].prefix) &&
                g_str_has_suffix(*names, places[i].suffix) && !is_copy(*names) &&
                !judge_file(ctx, path, places[i].find, result, error))
                return false;
        }
    }
    return true;
}
