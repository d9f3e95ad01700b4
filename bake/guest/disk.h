/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The partition table of an image, and which partition is the root. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "text/fstab.h"

typedef struct {
    unsigned number;    /* 1-based */
    uint64_t start;     /* bytes from the start of the disk */
    uint64_t size;      /* bytes */
    char *type;         /* GPT type GUID, lower case; or the MBR type as "0x83" */
    char *fstype;       /* "ext4", "xfs", "vfat", ... or NULL */
    char *label, *uuid; /* of the file system; or NULL */
    char *part_label;   /* its name in a GPT; or NULL */
    char *part_uuid;    /* its own GUID in a GPT, lower case; or NULL */
} CcbPartition;

typedef struct {
    uint64_t size;         /* virtual size in bytes */
    char *table;           /* "gpt", "dos" */
    GPtrArray *partitions; /* CcbPartition, in order */
    unsigned root; /* number of the partition that holds the operating system; 0 while unknown */
    unsigned esp;  /* number of the EFI system partition; 0: none */
} CcbDisk;

/* The type GUID of an EFI system partition; UEFI specification 2.10, table 5.7. */
#define CCB_GPT_TYPE_ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

CcbDisk *ccb_disk_new(void); /* no partitions yet */
CcbDisk *ccb_disk_copy(const CcbDisk *disk);
void ccb_disk_free(CcbDisk *disk); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbDisk, ccb_disk_free)

/* For the cache of the facts. */
json_t *ccb_disk_to_json(const CcbDisk *disk); /* new reference */
CcbDisk *ccb_disk_from_json(const json_t *json);

/* The partition of that number, or NULL; belongs to the disk. */
const CcbPartition *ccb_disk_partition(const CcbDisk *disk, unsigned number);

/* Whether the partition table tells what is compared: of others than GPT the entries are not read. */
bool ccb_disk_can_compare(const CcbDisk *disk, CcbSpecKind kind);

/* What a line of that kind names the partition by, or NULL; belongs to the partition. */
const char *ccb_partition_tag(const CcbPartition *partition, CcbSpecKind kind);

/* Whether a line that names a device so (ccb_fstab_classify) means this partition. */
bool ccb_partition_is(const CcbPartition *partition, CcbSpecKind kind, const char *value);

/* Whether its file system is one that an operating system is installed on. */
bool ccb_partition_may_be_root(const CcbPartition *partition);

/*
 * Refuses a root file system that was not unmounted cleanly or has errors noted: what is in its
 * journal is not in its files yet.  `superblock` is the 1024 bytes at offset 1024 of an ext2/3/4
 * partition (ext4 on-disk format, Documentation/filesystems/ext4/super.rst); other file systems are
 * not looked at.  Errors: CCB_ERR_INPUT.
 */
bool ccb_disk_check_clean(const CcbPartition *partition, const unsigned char superblock[1024],
                          GError **error);

/* The partition that begins last, or NULL; belongs to the disk. */
const CcbPartition *ccb_disk_last(const CcbDisk *disk);

/* Where the last partition ends on a disk of that many bytes: on a boundary of 1 MiB, with room for the second GPT. */
uint64_t ccb_disk_end(uint64_t size);

/* Refuses a disk that can't grow to `size` bytes: it is larger already, the root is not its last partition, or is no
 * ext4, as only that grows while it is mounted.  Errors: CCB_ERR_INPUT. */
bool ccb_disk_check_grow(const CcbDisk *disk, uint64_t size, GError **error);

/* Picks the root among `found`, the numbers of partitions that hold an os-release file.  Errors:
 * CCB_ERR_INPUT (none, several). */
bool ccb_disk_set_root(CcbDisk *disk, const GArray *found, GError **error);
