/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/place.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* The names that the first disk of a machine has; the number of the partition follows. */
static bool is_device(const CcbPartition *partition, const char *spec)
{
    static const char *const disks[] = {"/dev/vda", "/dev/sda", "/dev/xvda", "/dev/nvme0n1p"};
    g_autofree char *number = g_strdup_printf("%u", partition->number);
    for (gsize i = 0; i < G_N_ELEMENTS(disks); i++)
        if (g_str_has_prefix(spec, disks[i]) && strcmp(spec + strlen(disks[i]), number) == 0)
            return true;
    return false;
}

/* The partition beside the root that a line of fstab mounts, or NULL. */
static const CcbPartition *find_other(const CcbDisk *disk, const CcbFstabEntry *entry)
{
    g_autofree char *value = NULL;
    CcbSpecKind kind = ccb_fstab_classify(entry->spec, &value);
    for (guint i = 0; i < disk->partitions->len; i++) {
        const CcbPartition *partition = disk->partitions->pdata[i];
        if (partition->number != disk->root &&
            (kind == CCB_SPEC_DEVICE
                 ? is_device(partition, entry->spec)
                 : kind < CCB_SPEC_DEVICE && ccb_partition_is(partition, kind, value)))
            return partition;
    }
    return NULL;
}

typedef struct {
    char *target;  /* the directory */
    char *mounted; /* "/etc/fstab:3 mounts partition 3 (LABEL=data)" */
} Mount;

static void mount_free(gpointer data)
{
    Mount *mount = data;
    g_free(mount->target);
    g_free(mount->mounted);
    g_free(mount);
}

GPtrArray *ccb_mounts_read(CcbGuest *guest, const CcbDisk *disk, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) mounts = g_ptr_array_new_with_free_func(mount_free);
    if (disk == NULL)
        return g_steal_pointer(&mounts);
    if (!ccb_guest_read_optional(guest, "/etc/fstab", &text, error))
        return NULL;
    /* A file that can't be read as a whole is for the check import.fstab. */
    g_autoptr(GPtrArray) entries = text != NULL ? ccb_fstab_parse(text, strlen(text), NULL) : NULL;
    for (guint i = 0; entries != NULL && i < entries->len; i++) {
        const CcbFstabEntry *entry = entries->pdata[i];
        bool comes = !ccb_fstab_has_option(entry, "noauto") ||
                     ccb_fstab_has_option(entry, "x-systemd.automount");
        const CcbPartition *other = comes ? find_other(disk, entry) : NULL;
        if (other == NULL)
            continue;
        Mount *mount = g_new0(Mount, 1);
        mount->target = g_strdup(entry->target);
        mount->mounted = g_strdup_printf("/etc/fstab:%u mounts partition %u (%s)", entry->line,
                                         other->number, entry->spec);
        g_ptr_array_add(mounts, mount);
    }
    return g_steal_pointer(&mounts);
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/';
}

bool ccb_mounts_check(const GPtrArray *mounts, const char *path, GError **error)
{
    for (guint i = 0; i < mounts->len; i++) {
        const Mount *mount = mounts->pdata[i];
        if (!is_below(path, mount->target))
            continue;
        ccb_fail(error, CCB_ERR_STEP, "%s would be hidden: %s on %s", path, mount->mounted,
                 mount->target);
        return ccb_hint(error,
                        "a bake writes to the root file system alone: choose a path outside of "
                        "%s, or take a base that has it on the root",
                        mount->target);
    }
    return true;
}
