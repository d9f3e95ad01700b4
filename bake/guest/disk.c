/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/disk.h"

#include "base/error.h"

void ccb_partition_free(CcbPartition *partition)
{
    if (partition == NULL)
        return;
    g_free(partition->type);
    g_free(partition->fstype);
    g_free(partition->label);
    g_free(partition->uuid);
    g_free(partition->part_label);
    g_free(partition->part_uuid);
    g_free(partition);
}

CcbDisk *ccb_disk_new(void)
{
    CcbDisk *disk = g_new0(CcbDisk, 1);
    disk->partitions = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_partition_free);
    return disk;
}

static void *copy_partition(const void *source, void *data)
{
    const CcbPartition *from = source;
    CcbPartition *copy = g_memdup2(from, sizeof *from);
    copy->type = g_strdup(from->type);
    copy->fstype = g_strdup(from->fstype);
    copy->label = g_strdup(from->label);
    copy->uuid = g_strdup(from->uuid);
    copy->part_label = g_strdup(from->part_label);
    copy->part_uuid = g_strdup(from->part_uuid);
    return copy;
}

CcbDisk *ccb_disk_copy(const CcbDisk *disk)
{
    CcbDisk *copy = ccb_disk_new();
    copy->size = disk->size;
    copy->table = g_strdup(disk->table);
    copy->root = disk->root;
    copy->esp = disk->esp;
    g_ptr_array_extend(copy->partitions, disk->partitions, copy_partition, NULL);
    return copy;
}

void ccb_disk_free(CcbDisk *disk)
{
    if (disk == NULL)
        return;
    g_free(disk->table);
    g_ptr_array_unref(disk->partitions);
    g_free(disk);
}

const CcbPartition *ccb_disk_partition(const CcbDisk *disk, unsigned number)
{
    for (guint i = 0; i < disk->partitions->len; i++) {
        const CcbPartition *partition = disk->partitions->pdata[i];
        if (partition->number == number)
            return partition;
    }
    return NULL;
}

bool ccb_disk_can_compare(const CcbDisk *disk, CcbSpecKind kind)
{
    bool entry = kind == CCB_SPEC_PARTUUID || kind == CCB_SPEC_PARTLABEL;
    return !entry || g_strcmp0(disk->table, "gpt") == 0;
}

const char *ccb_partition_tag(const CcbPartition *partition, CcbSpecKind kind)
{
    switch (kind) {
    case CCB_SPEC_UUID:
        return partition->uuid;
    case CCB_SPEC_LABEL:
        return partition->label;
    case CCB_SPEC_PARTUUID:
        return partition->part_uuid;
    case CCB_SPEC_PARTLABEL:
        return partition->part_label;
    default:
        return NULL;
    }
}

bool ccb_partition_is(const CcbPartition *partition, CcbSpecKind kind, const char *value)
{
    const char *own = ccb_partition_tag(partition, kind);
    bool number = kind == CCB_SPEC_UUID || kind == CCB_SPEC_PARTUUID;
    return own != NULL && (number ? g_ascii_strcasecmp(own, value) == 0 : g_str_equal(own, value));
}

bool ccb_partition_may_be_root(const CcbPartition *partition)
{
    static const char *const types[] = {"ext4", "xfs", "ext3", "ext2", "btrfs", NULL};
    return partition->fstype != NULL && g_strv_contains(types, partition->fstype);
}

bool ccb_disk_check_clean(const CcbPartition *partition, const unsigned char sb[1024],
                          GError **error)
{
    enum { MAGIC = 0x38, STATE = 0x3a, INCOMPAT = 0x60 };
    enum { STATE_CLEAN = 1, STATE_ERRORS = 2, INCOMPAT_RECOVER = 4 };
    bool ext = partition->fstype != NULL && g_str_has_prefix(partition->fstype, "ext");
    if (!ext || sb[MAGIC] != 0x53 || sb[MAGIC + 1] != 0xef)
        return true;
    const char *problem = NULL;
    if (sb[STATE] & STATE_ERRORS)
        problem = "has errors noted";
    else if ((sb[INCOMPAT] & INCOMPAT_RECOVER) || !(sb[STATE] & STATE_CLEAN))
        problem = "was not unmounted cleanly";
    if (problem == NULL)
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "the file system of partition %u (%s) %s", partition->number,
             partition->fstype, problem);
    return ccb_hint(error,
                    "shut the machine it came from down properly, or repair a copy of the image "
                    "with e2fsck");
}

static char *join_numbers(const GArray *numbers)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < numbers->len; i++)
        g_string_append_printf(text, "%s%u", i ? ", " : "", g_array_index(numbers, unsigned, i));
    return g_string_free(text, FALSE);
}

bool ccb_disk_set_root(CcbDisk *disk, const GArray *found, GError **error)
{
    if (found->len == 1) {
        disk->root = g_array_index(found, unsigned, 0);
        return true;
    }
    if (found->len == 0)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "the image has no operating system: no partition holds /etc/os-release");
    g_autofree char *numbers = join_numbers(found);
    return ccb_fail(
        error, CCB_ERR_INPUT,
        "the image has %u operating systems, on partitions %s; ccbake bakes images with one",
        found->len, numbers);
}
