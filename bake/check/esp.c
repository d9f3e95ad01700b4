/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The EFI system partition, read as firmware reads it. */
#include "check/esp.h"

#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "format/fat.h"
#include "format/pe.h"

/*
 * UEFI specification 2.10, section 3.5.1.1: what is started from a disk where no boot variable says
 * otherwise.  A new instance has no variables of its own.
 */
#define LOADER "EFI/BOOT/BOOTX64.EFI"

typedef struct {
    CcbGuest *guest;
    const CcbPartition *partition;
} Source;

static bool read_partition(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    const Source *source = data;
    const CcbPartition *partition = source->partition;
    if (offset > partition->size || size > partition->size - offset)
        return ccb_fail(error, CCB_ERR_INPUT, "the FAT file system is larger than its partition");
    return ccb_guest_read_disk(source->guest, partition->start + offset, buffer, size, error);
}

/* False: could not be read. */
static bool judge_loader(Source *source, CcbCheckResult *result, GError **error)
{
    enum { HEAD = 4096 };
    uint8_t head[HEAD];
    size_t size = sizeof head;
    CcbFatEntry file;
    bool found;
    unsigned number = source->partition->number;
    g_autoptr(CcbFat) fat = ccb_fat_open(read_partition, source, error);
    if (fat == NULL || !ccb_fat_find(fat, LOADER, &file, &found, error))
        return false;
    if (!found || file.directory)
        return ccb_result_fail(result, "partition %u: there is no " LOADER, number);
    if (!ccb_fat_read(fat, &file, head, &size, error))
        return false;
    if (!ccb_pe_is_efi_application(head, size))
        return ccb_result_fail(result, "partition %u: " LOADER " is no EFI program for x86-64",
                               number);
    return ccb_result_pass(result, "partition %u, vfat, %" G_GUINT64_FORMAT " MiB, with " LOADER,
                           number, source->partition->size >> 20);
}

bool ccb_check_esp(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbDisk *disk = ccb_guest_disk(ctx->guest);
    if (disk == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the partition table is not known");
    const CcbPartition *esp = ccb_disk_partition(disk, disk->esp);
    if (esp == NULL)
        return ccb_result_fail(result, "the %s partition table has no EFI system partition",
                               disk->table != NULL ? disk->table : "unknown");
    if (g_strcmp0(esp->fstype, "vfat") != 0)
        return ccb_result_fail(result, "partition %u: file system %s, expected vfat", esp->number,
                               esp->fstype != NULL ? esp->fstype : "none");
    if (judge_loader(&(Source){ctx->guest, esp}, result, error))
        return true;
    g_prefix_error(error, "partition %u: ", esp->number);
    return false;
}
