/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel that boots, its boot entry and its root file system. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/quantity.h"
#include "check/guest-grub.h"
#include "image/rpm.h"
#include "text/cmdline.h"

#define MINIMUM_KERNEL "5.10.134-18.al8"

static bool run_minimum(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *minimum = ctx->expect->min_kernel ? ctx->expect->min_kernel : MINIMUM_KERNEL;
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    const char *kver = ccb_check_kver(ctx, error);
    if (facts == NULL || kver == NULL)
        return false;
    if (facts->boot_problem != NULL)
        return ccb_result_fail(result, "can't tell which kernel boots: %s", facts->boot_problem);
    if (ccb_kver_compare(kver, minimum) >= 0)
        return ccb_result_pass(result, "%s ≥ %s", kver, minimum);
    return ccb_result_fail(result, "the kernel that boots is %s, expected %s or later", kver,
                           minimum);
}

/* The files that an entry names, which have to be where GRUB looks for them. */
static void check_boot_files(CcbCheckContext *ctx, const CcbBootEntry *entry, const char *key,
                             const char *paths, CcbCheckResult *result, GError **error)
{
    if (paths == NULL)
        ccb_result_fail(result, "%s: no line \"%s\"", entry->path, key);
    g_auto(GStrv) list = g_strsplit(paths != NULL ? paths : "", " ", -1);
    for (char **path = list; *path != NULL; path++) {
        bool is_on_root = **path == '/';
        const CcbStat *st = is_on_root ? ccb_check_stat(ctx, *path, error) : NULL;
        if (st == NULL || !S_ISREG(st->mode) || st->size == 0)
            ccb_result_fail(result, "%s: %s %s: %s", entry->path, key, *path,
                            !is_on_root         ? "that is not on the root file system"
                            : st == NULL        ? "GRUB finds no such file"
                            : S_ISREG(st->mode) ? "the file is empty"
                                                : "that is no file");
    }
}

static bool run_default_entry(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    const CcbBootEntry *entry = facts != NULL ? ccb_facts_default_entry(facts) : NULL;
    if (entry == NULL)
        return false;
    if (facts->boot_problem != NULL)
        ccb_result_fail(result, "can't tell what GRUB starts: %s", facts->boot_problem);
    /* GRUB takes the first entry then: perhaps not the one that was meant. */
    if (facts->unmatched_default != NULL)
        ccb_result_fail(result,
                        "the default \"%s\" is no entry's id, title or place; %s would boot",
                        facts->unmatched_default, facts->default_entry);
    check_boot_files(ctx, entry, "linux", entry->kernel, result, error);
    check_boot_files(ctx, entry, "initrd", entry->initrd, result, error);
    return ccb_result_pass(result, "%s", entry->path);
}

static bool run_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    if (facts->entries->len < 2)
        return ccb_result_skip(result, "only one boot entry (kernel.default-entry)");
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (entry == ccb_facts_default_entry(facts))
            continue;
        check_boot_files(ctx, entry, "linux", entry->kernel, result, error);
        check_boot_files(ctx, entry, "initrd", entry->initrd, result, error);
        /* A kernel without its modules starts, and finds neither its disk nor its network. */
        g_autofree char *modules = g_strconcat("/lib/modules/", entry->kver, NULL);
        if (!ccb_facts_is_rescue(entry) && !ccb_check_exists(ctx, modules, error))
            ccb_result_fail(result, "%s: there is no %s", entry->path, modules);
    }
    return ccb_result_pass(result, "%u boot %s", facts->entries->len,
                           ccb_plural(facts->entries->len, "entry", "entries"));
}

/* What grub2-reboot leaves behind: GRUB boots it once, and forgets it. */
static bool run_next_entry(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autofree char *next = ccb_check_grubenv_get(ctx, "next_entry", error);
    if (next != NULL && *next != '\0')
        return ccb_result_fail(result, "%s: next_entry=%s is what the first boot starts",
                               CCB_GRUBENV_PATH, next);
    return ccb_result_pass(result, "%s has none", CCB_GRUBENV_PATH);
}

/* Other programs know nothing of boot entries: cryptpilot-convert takes the kernel that /boot/vmlinuz
 * leads to, or else the one that `sort -V` has last. */
static bool run_link(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char prefix[] = "vmlinuz-";
    const char *kver = ccb_check_kver(ctx, error);
    char **names = ccb_check_list(ctx, "/boot", error);
    guint kernels = 0;
    for (char **name = names; *name != NULL; name++)
        kernels += g_str_has_prefix(*name, prefix) && strstr(*name, "-rescue-") == NULL;
    if (kernels <= 1)
        return ccb_result_pass(result, "there is one kernel");
    if (!g_strv_contains((const char *const *)names, "vmlinuz"))
        return ccb_result_fail(result, "%u kernels, and no link /boot/vmlinuz to %s%s", kernels,
                               prefix, kver);
    g_autofree char *target = ccb_check_readlink(ctx, "/boot/vmlinuz", error);
    if (target == NULL)
        return false;
    g_autofree char *base = g_path_get_basename(target);
    if (!g_str_has_prefix(base, prefix) || !g_str_equal(base + strlen(prefix), kver))
        return ccb_result_fail(result, "/boot/vmlinuz leads to %s, and %s boots", target, kver);
    return ccb_result_pass(result, "/boot/vmlinuz leads to %s", target);
}

/* Whether a line names the root file system; `spec` is how it names it. */
static bool check_root(CcbCheckContext *ctx, const char *place, const char *spec,
                       CcbCheckResult *result, GError **error)
{
    g_autofree char *value = NULL;
    CcbSpecKind kind = ccb_fstab_classify(spec, &value);
    const CcbDisk *disk = ccb_check_disk(ctx, error);
    const CcbPartition *root = disk != NULL ? ccb_disk_partition(disk, disk->root) : NULL;
    if (*error != NULL)
        return false;
    if (root == NULL || !ccb_disk_can_compare(disk, kind))
        return ccb_fail(error, CCB_ERR_INPUT, "%s: %s can't be compared with the disk", place,
                        spec);
    CcbPartition expected = *root;
    if (ctx->expect->root_uuid != NULL)
        expected.uuid = ctx->expect->root_uuid;
    const char *own = ccb_partition_tag(&expected, kind);
    if (!ccb_partition_is(&expected, kind, value))
        ccb_result_fail(result, "%s: %s, but the root file system has %s", place, spec,
                        own != NULL ? own : "none");
    return true;
}

static bool run_root_uuid(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    const CcbBootEntry *entry = facts != NULL ? ccb_facts_default_entry(facts) : NULL;
    if (entry == NULL)
        return ccb_result_skip(result, "no default entry");
    g_autoptr(CcbCmdline) line = ccb_cmdline_parse(entry->cmdline, error);
    if (line == NULL)
        return false;
    g_autofree char *root = ccb_cmdline_get(line, "root"), *value = NULL;
    if (root == NULL || ccb_fstab_classify(root, &value) >= CCB_SPEC_DEVICE)
        ccb_result_fail(result, "%s: root=%s, expected root=UUID=...", entry->path,
                        root ? root : "(none)");
    else
        check_root(ctx, entry->path, root, result, error);
    /* That there is a line, and no device name in it, is for import.fstab. */
    g_autoptr(GPtrArray) fstab = ccb_check_fstab(ctx, error);
    const CcbFstabEntry *mount = fstab != NULL ? ccb_fstab_find(fstab, "/") : NULL;
    g_autofree char *tag = NULL;
    if (mount != NULL && ccb_fstab_classify(mount->spec, &tag) < CCB_SPEC_DEVICE) {
        g_autofree char *place = g_strdup_printf("/etc/fstab:%u", mount->line);
        check_root(ctx, place, mount->spec, result, error);
    }
    return ccb_result_pass(result, "%s", root);
}

const CcbCheck ccb_checks_kernel[] = {
    {"kernel.minimum", CCB_SEVERITY_ERROR,
     "Older kernels lack the high-memory swiotlb and the fixes that TDX guests with GPUs need.",
     "Bake from a base image with a later kernel, or install one in the recipe.", run_minimum},
    {"kernel.default-entry", CCB_SEVERITY_ERROR,
     "GRUB boots another kernel, or none, when its default entry or a file of it is missing.",
     "Point saved_entry in grubenv to an entry whose kernel and initramfs are in /boot.",
     run_default_entry},
    {"kernel.entries", CCB_SEVERITY_WARNING,
     "Another boot entry can't boot: what was to be its kernel was removed, or never complete.",
     "Remove the entry with grubby --remove-kernel, or install its kernel again.", run_entries},
    {"kernel.next-entry", CCB_SEVERITY_WARNING,
     "The first boot of every instance starts another entry than the later ones.",
     "Run grub2-editenv - unset next_entry in the image.", run_next_entry},
    {"kernel.link", CCB_SEVERITY_WARNING,
     "Programs that look for the image's kernel without reading boot entries, as "
     "cryptpilot-convert "
     "does, take another one than that which boots.",
     "Use the recipe's kernel step, or ln -sf vmlinuz-KVER /boot/vmlinuz.", run_link},
    {"kernel.root-uuid", CCB_SEVERITY_ERROR,
     "The initramfs waits for ever for a root file system that does not exist.",
     "Set root= and /etc/fstab to UUID= with the UUID of the root file system.", run_root_uuid},
    {0},
};
