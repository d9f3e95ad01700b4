/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The EFI system partition of an image, which no backend mounts: its files are read through the disk,
 * by their short names (image/fat.h).
 */
#pragma once

#include "guest/guest.h"
#include "image/fat.h"

typedef struct CcbEsp CcbEsp;

/* *ret_esp is NULL where the disk has no such partition, or another file system than vfat is on it.
 * Errors: CCB_ERR_INPUT.  `guest` stays open until the end. */
bool ccb_esp_open(CcbGuest *guest, CcbEsp **ret_esp, GError **error);
void ccb_esp_free(CcbEsp *esp); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbEsp, ccb_esp_free)

CcbFat *ccb_esp_fat(CcbEsp *esp); /* belongs to `esp` */

/* Content of a file of at most 1 MiB, NUL-terminated; *ret_text is NULL where there is none.  Paths
 * count from the partition: "EFI/alinux/grub.cfg". */
bool ccb_esp_read(CcbEsp *esp, const char *path, char **ret_text, size_t *ret_size, GError **error);

/* The same for a path as a running guest has it, where the partition is mounted on /boot/efi: one
 * below that, or a link that leads there.  All others: true, with *ret_text NULL. */
bool ccb_esp_read_mounted(CcbGuest *guest, const char *path, char **ret_text, size_t *ret_size,
                          GError **error);
