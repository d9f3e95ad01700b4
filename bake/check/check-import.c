/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cloud's own image check looks at when an image is imported, seen before the upload. */
#include <sys/stat.h>

#include "base/error.h"
#include "base/quantity.h"
#include "check/check-esp.h"
#include "check/context.h"
#include "guide/ecs.h"
#include "systemd/unit.h"
#include "text/ini.h"

/* The guide's limit, and what the import's Platform says; later releases are other systems. */
static bool run_os(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    if (g_strcmp0(facts->os_id, "alinux") != 0 || g_strcmp0(facts->os_version, "3") != 0)
        return ccb_result_fail(result, "/etc/os-release: ID=%s VERSION_ID=%s, expected alinux 3",
                               facts->os_id != NULL ? facts->os_id : "(none)",
                               facts->os_version != NULL ? facts->os_version : "(none)");
    return ccb_result_pass(result, "%s", facts->os_name != NULL ? facts->os_name : "alinux 3");
}

/* --- /etc/fstab */

static bool disk_has(const CcbDisk *disk, CcbSpecKind kind, const char *value)
{
    for (guint i = 0; i < disk->partitions->len; i++)
        if (ccb_partition_is(disk->partitions->pdata[i], kind, value))
            return true;
    return false;
}

static bool run_fstab(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbDisk *disk = ccb_check_disk(ctx, error);
    g_autoptr(GPtrArray) entries = ccb_check_fstab(ctx, error);
    if (entries == NULL)
        return ccb_result_fail(result, "/etc/fstab is missing");
    if (ccb_fstab_find(entries, "/") == NULL)
        ccb_result_fail(result, "/etc/fstab: no line for /");
    for (guint i = 0; i < entries->len; i++) {
        const CcbFstabEntry *entry = entries->pdata[i];
        g_autofree char *value = NULL;
        CcbSpecKind kind = ccb_fstab_classify(entry->spec, &value);
        if (kind == CCB_SPEC_OTHER || ccb_fstab_has_option(entry, "nofail") ||
            ccb_fstab_has_option(entry, "noauto"))
            continue;
        if (kind == CCB_SPEC_DEVICE)
            ccb_result_fail(result,
                            "/etc/fstab:%u: %s is another disk, or none, on another instance type",
                            entry->line, entry->spec);
        /* How the root is named is for kernel.root-uuid, which also knows what the boot entries say. */
        if (kind == CCB_SPEC_DEVICE || g_str_equal(entry->target, "/"))
            continue;
        if (!ccb_disk_can_compare(disk, kind))
            return ccb_fail(error, CCB_ERR_INPUT,
                            "/etc/fstab:%u: %s can't be compared with the disk", entry->line,
                            entry->spec);
        if (!disk_has(disk, kind, value))
            ccb_result_fail(result, "/etc/fstab:%u: the disk has no %s", entry->line, entry->spec);
    }
    return ccb_result_pass(result, "%u %s", entries->len,
                           ccb_plural(entries->len, "line", "lines"));
}

/* --- addresses, in the files of the three programs that give them to interfaces */

/* What in a file gives an interface other than the loopback a fixed address, as "KEY=value"; NULL
 * where nothing does, caller frees.  Errors: CCB_ERR_INPUT, of the text. */
typedef char *(*FindAddress)(const CcbGuestText *file, GError **error);

/* initscripts and NetworkManager's plugin: an address counts unless BOOTPROTO is dhcp. */
static char *find_in_ifcfg(const CcbGuestText *file, GError **error)
{
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL)
        return NULL;
    g_autofree char *device = ccb_shellvars_get(vars, "DEVICE");
    g_autofree char *protocol = ccb_shellvars_get(vars, "BOOTPROTO");
    g_autofree char *address = ccb_shellvars_get(vars, "IPADDR");
    if (address == NULL)
        address = ccb_shellvars_get(vars, "IPADDR0");
    bool dhcp = protocol != NULL && g_ascii_strcasecmp(protocol, "dhcp") == 0;
    if (address == NULL || dhcp || g_strcmp0(device, "lo") == 0)
        return NULL;
    return g_strdup_printf("IPADDR=%s", address);
}

static char *find_in_keyfile(const CcbGuestText *file, GError **error)
{
    static const char *const sections[] = {"ipv4", "ipv6"};
    g_autoptr(CcbIni) ini = ccb_ini_parse(file->text, file->size, error);
    if (ini == NULL || g_strcmp0(ccb_ini_get(ini, "connection", "interface-name"), "lo") == 0)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++)
        if (g_strcmp0(ccb_ini_get(ini, sections[i], "method"), "manual") == 0)
            return g_strdup_printf("[%s] method=manual", sections[i]);
    return NULL;
}

static char *find_in_networkd(const CcbGuestText *file, GError **error)
{
    static const char *const sections[] = {"Network", "Address"};
    g_autoptr(CcbUnit) unit = ccb_unit_parse(file->text, file->size, file->path, error);
    if (unit == NULL || g_strcmp0(ccb_unit_get(unit, "Match", "Name"), "lo") == 0)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++) {
        const char *address = ccb_unit_get(unit, sections[i], "Address");
        if (address != NULL)
            return g_strdup_printf("Address=%s", address);
    }
    return NULL;
}

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

/* The text of what is neither a directory nor a link to /dev/null, which switches a file off. */
static const CcbGuestText *read_config(CcbCheckContext *ctx, const char *path, GError **error)
{
    const CcbStat *st = ccb_check_lstat(ctx, path, error);
    if (st == NULL || S_ISDIR(st->mode))
        return NULL;
    g_autofree char *target = S_ISLNK(st->mode) ? ccb_check_readlink(ctx, path, error) : NULL;
    return g_strcmp0(target, "/dev/null") == 0 ? NULL : ccb_check_text(ctx, path, error);
}

static bool run_network(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    /* What systemd has below /usr/lib is for containers, with addresses of theirs. */
    static const struct {
        const char *directory;
        const char *prefix, *suffix; /* of the names that are read; "" for any */
        FindAddress find;
    } places[] = {
        {"/etc/sysconfig/network-scripts", "ifcfg-", "", find_in_ifcfg},
        {"/etc/NetworkManager/system-connections", "", "", find_in_keyfile},
        {"/usr/lib/NetworkManager/system-connections", "", ".nmconnection", find_in_keyfile},
        {"/etc/systemd/network", "", ".network", find_in_networkd},
    };
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        char **name = ccb_check_list(ctx, places[i].directory, error);
        for (; *error == NULL && *name != NULL; name++) {
            g_autofree char *path = g_build_filename(places[i].directory, *name, NULL);
            if (!g_str_has_prefix(*name, places[i].prefix) ||
                !g_str_has_suffix(*name, places[i].suffix) || is_copy(*name))
                continue;
            const CcbGuestText *file = read_config(ctx, path, error);
            if (*error != NULL || file == NULL || file->text == NULL)
                continue;
            g_autofree char *found = places[i].find(file, error);
            if (*error != NULL)
                g_prefix_error(error, "%s: ", path);
            if (found != NULL)
                ccb_result_fail(result, "%s: %s", path, found);
        }
    }
    return ccb_result_pass(result, "no static address in ifcfg files, NetworkManager's "
                                   "connections and networkd's files");
}

/* --- SELinux, clock, disk */

static bool run_selinux(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char path[] = "/etc/selinux/config";
    g_autoptr(CcbShellvars) vars = ccb_check_shellvars(ctx, path, error);
    if (vars == NULL)
        return ccb_result_pass(result, "there is no %s", path);
    g_autofree char *mode = ccb_shellvars_get(vars, "SELINUX");
    if (mode == NULL || g_ascii_strcasecmp(mode, "disabled") != 0)
        return ccb_result_fail(result, "%s: SELINUX=%s, expected disabled", path,
                               mode != NULL ? mode : "(none)");
    return ccb_result_pass(result, "%s", path);
}

/* hwclock(8): the third line says UTC or LOCAL; without the file or the line it is UTC. */
static bool run_clock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_auto(GStrv) lines = ccb_check_lines(ctx, "/etc/adjtime", error);
    const char *third = g_strv_length(lines) > 2 ? lines[2] : "";
    if (*third != '\0' && !g_str_equal(third, "UTC"))
        return ccb_result_fail(result, "/etc/adjtime:3: %s, expected UTC", third);
    return ccb_result_pass(result,
                           lines[0] != NULL ? "/etc/adjtime" : "UTC, as there is no /etc/adjtime");
}

static bool run_size(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const uint64_t mib = 1 << 20;
    g_autoptr(GError) reason = NULL;
    const CcbDisk *disk = ccb_check_disk(ctx, error);
    if (disk == NULL)
        return false;
    if (disk->size % mib != 0)
        ccb_result_fail(result, "%" G_GUINT64_FORMAT " bytes, expected whole MiB", disk->size);
    if (!ccb_ecs_size_check(disk->size, &reason))
        ccb_result_fail(result, "%s", reason->message);
    return ccb_result_pass(result, "%" G_GUINT64_FORMAT " MiB", disk->size / mib);
}

const CcbCheck ccb_checks_import[] = {
    {"import.os", CCB_SEVERITY_ERROR,
     "Instances with confidential GPUs only take images of Alibaba Cloud Linux 3.",
     "Bake from a base image of Alibaba Cloud Linux 3.", run_os},
    {"import.fstab", CCB_SEVERITY_ERROR,
     "A boot ends in the emergency shell when a device that fstab wants does not come.",
     "Name devices by the UUID of a file system that the image has, or give the line nofail.",
     run_fstab},
    {"import.network", CCB_SEVERITY_ERROR,
     "An instance gets its address by DHCP, and with another one nobody reaches it.",
     "Take the address out of the file, and let it use DHCP.", run_network},
    {"import.selinux", CCB_SEVERITY_ERROR,
     "Files that were written from outside have no SELinux labels, and the import asks for it to "
     "be off.",
     "Set SELINUX=disabled in /etc/selinux/config.", run_selinux},
    {"import.clock", CCB_SEVERITY_ERROR,
     "The cloud's hardware clock is in UTC; read as local time it is hours off, and certificates "
     "of the attestation are not valid then.",
     "Write UTC into the third line of /etc/adjtime, or remove the file with a remove step.",
     run_clock},
    {"import.esp", CCB_SEVERITY_ERROR,
     "Instances with confidential GPUs boot through UEFI, which starts EFI/BOOT/BOOTX64.EFI of an "
     "EFI system partition.",
     "Bake from a base image that boots through UEFI.", ccb_check_esp},
    {"import.boot-chain", CCB_SEVERITY_ERROR,
     "GRUB ends in its prompt where the few lines on the EFI system partition do not lead to its "
     "configuration.",
     "Correct grub.cfg beside grubx64.efi on the EFI system partition: what it looks for, and what "
     "it loads.",
     ccb_check_boot_chain},
    {"import.size", CCB_SEVERITY_ERROR,
     "The import takes disks of 5 to 2048 GiB, and VHD only has whole MiB.",
     "Set base.grow in the recipe, or resize the image with qemu-img resize before it is imported.",
     run_size},
    {0},
};
