/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/table.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

static char *probe_value(blkid_probe probe, const char *name)
{
    const char *value = NULL;
    if (blkid_probe_lookup_value(probe, name, &value, NULL) != 0)
        return NULL;
    return g_strdup(value);
}

/* Where it lacks memory, or reads fail as those from a daemon that died, libblkid only finds nothing. */
static bool check_errno(GError **error)
{
    bool is_host = errno == ENOMEM || errno == EIO || errno == ENOTCONN || errno == ECONNABORTED;
    return !is_host || ccb_fail_errno(error, CCB_ERR_HOST, "reading the partition table");
}

static bool add_partition(CcbDisk *disk, int fd, blkid_partition from, GError **error)
{
    enum { SECTOR = 512 }; /* libblkid counts in 512-byte sectors */
    CcbPartition *partition = g_new0(CcbPartition, 1);
    const char *type = blkid_partition_get_type_string(from);
    partition->number = (unsigned)blkid_partition_get_partno(from);
    partition->start = (uint64_t)blkid_partition_get_start(from) * SECTOR;
    partition->size = (uint64_t)blkid_partition_get_size(from) * SECTOR;
    partition->type =
        type ? g_ascii_strdown(type, -1) : g_strdup_printf("0x%x", blkid_partition_get_type(from));
    if (g_strcmp0(disk->table, "gpt") == 0) {
        partition->part_label = g_strdup(blkid_partition_get_name(from));
        partition->part_uuid = g_strdup(blkid_partition_get_uuid(from));
    }
    if (strcmp(partition->type, CCB_GPT_TYPE_ESP) == 0)
        disk->esp = partition->number;
    g_ptr_array_add(disk->partitions, partition);

    errno = 0;
    blkid_probe probe = blkid_new_probe();
    if (probe == NULL)
        return check_errno(error);
    blkid_probe_enable_superblocks(probe, 1);
    if (blkid_probe_set_device(probe, fd, (blkid_loff_t)partition->start,
                               (blkid_loff_t)partition->size) == 0 &&
        blkid_do_safeprobe(probe) == 0) {
        partition->fstype = probe_value(probe, "TYPE");
        partition->label = probe_value(probe, "LABEL");
        partition->uuid = probe_value(probe, "UUID");
        errno = 0;
    }
    bool ok = check_errno(error);
    blkid_free_probe(probe);
    return ok;
}

bool ccb_disk_read_table(CcbDisk *disk, int fd, GError **error)
{
    errno = 0;
    blkid_probe probe = blkid_new_probe();
    blkid_partlist list = NULL;
    if (probe != NULL && blkid_probe_enable_partitions(probe, 1) == 0 &&
        blkid_probe_set_device(probe, fd, 0, 0) == 0)
        list = blkid_probe_get_partitions(probe);
    int n = list ? blkid_partlist_numof_partitions(list) : 0;
    if (n > 0)
        disk->table = g_strdup(blkid_parttable_get_type(blkid_partlist_get_table(list)));
    bool ok = n > 0 || check_errno(error);
    for (int i = 0; ok && i < n; i++)
        ok = add_partition(disk, fd, blkid_partlist_get_partition(list, i), error);
    blkid_free_probe(probe);
    if (ok && n == 0)
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no partition table");
    return ok;
}
