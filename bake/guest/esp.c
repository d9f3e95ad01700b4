/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/esp.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

#define MOUNT_POINT "/boot/efi/"

enum { FILE_MAX = 1 << 20 }; /* bytes; configuration has some KiB */

struct CcbEsp {
    CcbGuest *guest;
    const CcbPartition *partition;
    CcbFat *fat;
};

static bool read_partition(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    const CcbEsp *esp = data;
    const CcbPartition *partition = esp->partition;
    if (offset > partition->size || size > partition->size - offset)
        return ccb_fail(error, CCB_ERR_INPUT, "the FAT file system is larger than its partition");
    return ccb_guest_read_disk(esp->guest, partition->start + offset, buffer, size, error);
}

bool ccb_esp_open(CcbGuest *guest, CcbEsp **ret_esp, GError **error)
{
    const CcbDisk *disk = ccb_guest_disk(guest);
    const CcbPartition *partition = disk != NULL ? ccb_disk_partition(disk, disk->esp) : NULL;
    *ret_esp = NULL;
    if (partition == NULL || g_strcmp0(partition->fstype, "vfat") != 0)
        return true;
    g_autoptr(CcbEsp) esp = g_new0(CcbEsp, 1);
    esp->guest = guest;
    esp->partition = partition;
    esp->fat = ccb_fat_open(read_partition, esp, error);
    if (esp->fat == NULL) {
        g_prefix_error(error, "partition %u: ", partition->number);
        return false;
    }
    *ret_esp = g_steal_pointer(&esp);
    return true;
}

void ccb_esp_free(CcbEsp *esp)
{
    if (esp == NULL)
        return;
    ccb_fat_free(esp->fat);
    g_free(esp);
}

CcbFat *ccb_esp_fat(CcbEsp *esp)
{
    return esp->fat;
}

bool ccb_esp_read(CcbEsp *esp, const char *path, char **ret_text, size_t *ret_size, GError **error)
{
    CcbFatEntry file;
    bool found;
    *ret_text = NULL;
    *ret_size = 0;
    if (!ccb_fat_find(esp->fat, path, &file, &found, error)) {
        g_prefix_error(error, "partition %u: ", esp->partition->number);
        return false;
    }
    if (!found || file.directory)
        return true;
    if (file.size > FILE_MAX)
        return ccb_fail(error, CCB_ERR_INPUT, "partition %u: %s is larger than 1 MiB",
                        esp->partition->number, path);
    size_t size = file.size;
    g_autofree char *text = g_malloc(size + 1);
    if (!ccb_fat_read(esp->fat, &file, text, &size, error)) {
        g_prefix_error(error, "partition %u: ", esp->partition->number);
        return false;
    }
    text[size] = '\0';
    *ret_text = g_steal_pointer(&text);
    *ret_size = size;
    return true;
}

bool ccb_esp_read_mounted(CcbGuest *guest, const char *path, char **ret_text, size_t *ret_size,
                          GError **error)
{
    CcbStat st;
    bool exists = false;
    g_autoptr(CcbEsp) esp = NULL;
    g_autofree char *full = g_strdup(path);
    *ret_text = NULL;
    *ret_size = 0;
    if (!g_str_has_prefix(path, MOUNT_POINT)) {
        if (!ccb_guest_lstat(guest, path, &st, &exists, error))
            return false;
        if (!exists || !S_ISLNK(st.mode))
            return true;
        g_autofree char *target = ccb_guest_readlink(guest, path, error);
        if (target == NULL)
            return false;
        g_autofree char *directory = g_path_get_dirname(path);
        g_free(full);
        full = g_canonicalize_filename(target, directory);
    }
    if (!g_str_has_prefix(full, MOUNT_POINT))
        return true;
    return ccb_esp_open(guest, &esp, error) &&
           (esp == NULL ||
            ccb_esp_read(esp, full + strlen(MOUNT_POINT), ret_text, ret_size, error));
}
