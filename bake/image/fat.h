/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of a FAT file system, read-only and by their short names (Microsoft, "FAT32 File System
 * Specification" 1.03; FAT12 and FAT16 too): enough for what firmware looks for on an EFI system
 * partition.  The bytes come from outside: all that is read from them is checked before it is used.
 *
 *     g_autoptr(CcbFat) fat = ccb_fat_open(read, source, error);
 *     ccb_fat_find(fat, "EFI/BOOT/BOOTX64.EFI", &file, &found, error)
 *     ccb_fat_read(fat, &file, buffer, &size, error)
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads bytes of the file system. */
typedef bool (*CcbFatRead)(void *source, uint64_t offset, void *buffer, size_t size,
                           GError **error);

typedef struct CcbFat CcbFat;

typedef struct {
    bool directory;
    uint32_t cluster; /* where it begins; 0: nowhere */
    uint32_t size;    /* bytes; of files only */
} CcbFatEntry;

/* `source` is the caller's and is there until the end.  Errors: CCB_ERR_INPUT, or those of `read`. */
CcbFat *ccb_fat_open(CcbFatRead read, void *source, GError **error);
void ccb_fat_free(CcbFat *fat); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbFat, ccb_fat_free)

/* Looks a path up; its names are of the form 8.3, upper and lower case are the same.  What is missing:
 * true, with *ret_found false. */
bool ccb_fat_find(CcbFat *fat, const char *path, CcbFatEntry *ret_entry, bool *ret_found,
                  GError **error);

/* The names in a directory, in lower case, without . and ..; caller frees.  Where it is missing: none. */
char **ccb_fat_list(CcbFat *fat, const char *path, GError **error);

/* The beginning of a file: as many bytes as it has, and at most *size, which is set to that. */
bool ccb_fat_read(CcbFat *fat, const CcbFatEntry *file, void *buffer, size_t *size, GError **error);
