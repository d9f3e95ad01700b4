/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The EFI system partition, read as firmware reads it. */
#include "check/check-esp.h"

#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "guest/esp.h"
#include "image/pe.h"

/*
 * UEFI specification 2.10, section 3.5.1.1: what is started from a disk where no boot variable says
 * otherwise.  A new instance has no variables of its own.
 */
#define LOADER "EFI/BOOT/BOOTX64.EFI"

/* False: could not be read. */
static bool judge_loader(CcbEsp *esp, CcbCheckResult *result, GError **error)
{
    enum { HEAD = 4096 };
    uint8_t head[HEAD];
    size_t size = sizeof head;
    CcbFatEntry file;
    bool found;
    unsigned number = ccb_esp_partition(esp)->number;
    if (!ccb_fat_find(ccb_esp_fat(esp), LOADER, &file, &found, error))
        return false;
    if (!found || file.directory)
        return ccb_result_fail(result, "partition %u: there is no " LOADER, number);
    if (!ccb_fat_read(ccb_esp_fat(esp), &file, head, &size, error))
        return false;
    if (!ccb_pe_is_efi_application(head, size))
        return ccb_result_fail(result, "partition %u: " LOADER " is no EFI program for x86-64",
                               number);
    return ccb_result_pass(result, "partition %u, vfat, %" G_GUINT64_FORMAT " MiB, with " LOADER,
                           number, ccb_esp_partition(esp)->size >> 20);
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
    g_autoptr(CcbEsp) files = NULL;
    return ccb_esp_open(ctx->guest, &files, error) && judge_loader(files, result, error);
}
