/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/disk.h"

#include "base/error.h"
#include "base/quantity.h"
#include "guest/fields.h"

static const CcbField fields[] = {CCB_FIELD(CcbPartition, type),
                                  CCB_FIELD(CcbPartition, fstype),
                                  CCB_FIELD(CcbPartition, label),
                                  CCB_FIELD(CcbPartition, uuid),
                                  CCB_FIELD(CcbPartition, part_label),
                                  CCB_FIELD(CcbPartition, part_uuid),
                                  {0}};

static void partition_free(void *partition)
{
    ccb_fields_free(partition, fields);
    g_free(partition);
}

static void *copy_partition(const void *from, void *data)
{
    CcbPartition *copy = g_memdup2(from, sizeof(CcbPartition));
    ccb_fields_copy(copy, from, fields);
    return copy;
}

CcbDisk *ccb_disk_new(void)
{
    CcbDisk *disk = g_new0(CcbDisk, 1);
    disk->partitions = g_ptr_array_new_with_free_func(partition_free);
    return disk;
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

json_t *ccb_disk_to_json(const CcbDisk *disk)
{
    json_t *partitions = json_array();
    for (guint i = 0; i < disk->partitions->len; i++) {
        const CcbPartition *p = disk->partitions->pdata[i];
        json_t *json = json_pack("{sisIsI}", "number", (int)p->number, "start",
                                 (json_int_t)p->start, "size", (json_int_t)p->size);
        ccb_fields_to_json(p, json, fields);
        json_array_append_new(partitions, json);
    }
    return json_pack("{sIsssisiso}", "size", (json_int_t)disk->size, "table", disk->table, "root",
                     (int)disk->root, "esp", (int)disk->esp, "partitions", partitions);
}

CcbDisk *ccb_disk_from_json(const json_t *json)
{
    size_t i;
    json_t *item;
    CcbDisk *disk = ccb_disk_new();
    disk->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    disk->table = g_strdup(json_string_value(json_object_get(json, "table")));
    disk->root = (unsigned)json_integer_value(json_object_get(json, "root"));
    disk->esp = (unsigned)json_integer_value(json_object_get(json, "esp"));
    json_array_foreach(json_object_get(json, "partitions"), i, item)
    {
        CcbPartition *p = g_new0(CcbPartition, 1);
        p->number = (unsigned)json_integer_value(json_object_get(item, "number"));
        p->start = (uint64_t)json_integer_value(json_object_get(item, "start"));
        p->size = (uint64_t)json_integer_value(json_object_get(item, "size"));
        ccb_fields_from_json(p, item, fields);
        g_ptr_array_add(disk->partitions, p);
    }
    return disk;
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

const CcbPartition *ccb_disk_last(const CcbDisk *disk)
{
    const CcbPartition *last = NULL;
    for (guint i = 0; i < disk->partitions->len; i++) {
        const CcbPartition *partition = disk->partitions->pdata[i];
        if (last == NULL || partition->start > last->start)
            last = partition;
    }
    return last;
}

uint64_t ccb_disk_end(uint64_t size)
{
    const uint64_t unit = 1 << 20;
    return size / unit * unit - unit;
}

bool ccb_disk_check_grow(const CcbDisk *disk, uint64_t size, GError **error)
{
    const CcbPartition *last = ccb_disk_last(disk);
    g_autofree char *now = ccb_format_size(disk->size);
    if (size < disk->size)
        return ccb_fail(error, CCB_ERR_INPUT, "the disk can't shrink: it has %s", now);
    if (last == NULL || last->number != disk->root)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "the disk can't grow: partition %u, not the root (%u), is its last one",
                        last != NULL ? last->number : 0, disk->root);
    return g_strcmp0(last->fstype, "ext4") == 0 ||
           ccb_fail(error, CCB_ERR_INPUT, "the disk can't grow: its root is %s, and not ext4",
                    last->fstype);
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
    g_autoptr(GString) numbers = g_string_new(NULL);
    for (guint i = 0; i < found->len; i++)
        g_string_append_printf(numbers, "%s%u", i ? ", " : "", g_array_index(found, unsigned, i));
    return ccb_fail(
        error, CCB_ERR_INPUT,
        "the image has %u operating systems, on partitions %s; ccbake bakes images with one",
        found->len, numbers->str);
}
