/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cloud's own image check looks at when an image is imported, seen before the upload. */
#include <string.h>

#include "base/error.h"
#include "check/check-esp.h"
#include "check/check-network.h"
#include "check/context.h"
#include "guide/ecs.h"
#include "text/fstab.h"
#include "text/shellvars.h"

static const CcbDisk *get_disk(CcbCheckContext *ctx, GError **error)
{
    const CcbDisk *disk = ccb_guest_disk(ctx->guest);
    if (disk == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "the partition table is not known");
    return disk;
}

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

/* How the root is named is for kernel.root-uuid, which also knows what the boot entries say. */
static bool judge_entry(const CcbDisk *disk, const CcbFstabEntry *entry, CcbCheckResult *result,
                        GError **error)
{
    g_autofree char *value = NULL;
    CcbSpecKind kind = ccb_fstab_classify(entry->spec, &value);
    bool optional = ccb_fstab_has_option(entry, "nofail") || ccb_fstab_has_option(entry, "noauto");
    if (kind == CCB_SPEC_OTHER || optional)
        return true;
    if (kind == CCB_SPEC_DEVICE)
        return ccb_result_fail(result,
                               "/etc/fstab:%u: %s is another disk, or none, on another instance "
                               "type",
                               entry->line, entry->spec);
    if (g_str_equal(entry->target, "/"))
        return true;
    if (!ccb_disk_can_compare(disk, kind))
        return ccb_fail(error, CCB_ERR_INPUT, "/etc/fstab:%u: %s can't be compared with the disk",
                        entry->line, entry->spec);
    if (!disk_has(disk, kind, value))
        ccb_result_fail(result, "/etc/fstab:%u: the disk has no %s", entry->line, entry->spec);
    return true;
}

static bool run_fstab(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbDisk *disk = get_disk(ctx, error);
    const CcbGuestText *file = disk != NULL ? ccb_check_text(ctx, "/etc/fstab", error) : NULL;
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_result_fail(result, "/etc/fstab is missing");
    g_autoptr(GPtrArray) entries = ccb_fstab_parse(file->text, file->size, error);
    if (entries == NULL) {
        g_prefix_error(error, "/etc/fstab: ");
        return false;
    }
    if (ccb_fstab_find(entries, "/") == NULL)
        ccb_result_fail(result, "/etc/fstab: no line for /");
    for (guint i = 0; i < entries->len; i++)
        if (!judge_entry(disk, entries->pdata[i], result, error))
            return false;
    return ccb_result_pass(result, "%u lines", entries->len);
}

/* --- network, SELinux, clock */

static bool run_network(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return ccb_check_static_addresses(ctx, result, error) &&
           ccb_result_pass(result, "no static address in ifcfg files, NetworkManager's "
                                   "connections and networkd's files");
}

static bool run_selinux(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char path[] = "/etc/selinux/config";
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_result_pass(result, "there is no %s", path);
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    g_autofree char *mode = ccb_shellvars_get(vars, "SELINUX");
    if (mode == NULL || g_ascii_strcasecmp(mode, "disabled") != 0)
        return ccb_result_fail(result, "%s: SELINUX=%s, expected disabled", path,
                               mode != NULL ? mode : "(none)");
    return ccb_result_pass(result, "%s", path);
}

/* hwclock(8): the third line says UTC or LOCAL; without the file or the line it is UTC. */
static bool run_clock(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/adjtime", error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_result_pass(result, "UTC, as there is no /etc/adjtime");
    g_auto(GStrv) lines = g_strsplit(file->text, "\n", -1);
    char *third = g_strv_length(lines) > 2 ? g_strstrip(lines[2]) : "";
    if (*third != '\0' && !g_str_equal(third, "UTC"))
        return ccb_result_fail(result, "/etc/adjtime:3: %s, expected UTC", third);
    return ccb_result_pass(result, "/etc/adjtime");
}

/* --- the disk */

static bool run_size(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const uint64_t mib = 1 << 20;
    g_autoptr(GError) reason = NULL;
    const CcbDisk *disk = get_disk(ctx, error);
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
     "Write UTC into the third line of /etc/adjtime, or remove the file.", run_clock},
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
     "The import takes disks of 5 to 500 GiB, and VHD only has whole MiB.",
     "Resize the image with qemu-img resize before it is imported.", run_size},
    {0},
};
