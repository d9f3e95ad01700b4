/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/grow.h"

#include <libfdisk/libfdisk.h>

#include "base/error.h"
#include "base/process.h"

bool ccb_grow_last_partition(const char *path, const CcbDisk *disk, GError **error)
{
    const CcbPartition *last = ccb_disk_last(disk);
    struct fdisk_context *context = fdisk_new_context();
    struct fdisk_partition *partition = fdisk_new_partition();
    int status = fdisk_assign_device(context, path, 0);
    if (status == 0) {
        /* Only what is set here changes.  libfdisk puts the second GPT at the end when it writes. */
        uint64_t bytes = ccb_disk_end(disk->size) - last->start;
        fdisk_partition_set_size(partition, bytes / fdisk_get_sector_size(context));
        fdisk_partition_size_explicit(partition, 1);
        status = fdisk_set_partition(context, last->number - 1, partition);
    }
    if (status == 0)
        status = fdisk_write_disklabel(context);
    if (status == 0)
        status = fdisk_deassign_device(context, 0);
    fdisk_unref_partition(partition);
    fdisk_unref_context(context);
    return status == 0 || ccb_fail(error, CCB_ERR_INPUT, "extending partition %u: %s", last->number,
                                   g_strerror(-status));
}

bool ccb_grow_file_system(const char *device, GError **error)
{
    enum { LIMIT_S = 1800 };
    const char *check[] = {"e2fsck", "-fn", device, NULL};
    /* Forced, for it asks for a check that would change the file system. */
    const char *resize[] = {"resize2fs", "-f", device, NULL};
    CcbProcess first = {.argv = check, .limit_s = LIMIT_S, .error_code = CCB_ERR_INPUT};
    CcbProcess second = {.argv = resize, .limit_s = LIMIT_S, .error_code = CCB_ERR_INPUT};
    if (!ccb_process_run(&first, error)) {
        g_prefix_error(error, "the root file system has errors, so that it can't grow: ");
        return false;
    }
    if (ccb_process_run(&second, error))
        return true;
    g_prefix_error(error, "enlarging the root file system: ");
    return false;
}
