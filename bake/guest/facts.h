/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a base image, found out once and cached under its sha256: `plan` works from it
 * without a VM.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/disk.h"
#include "guest/guest.h"

/* As on el8; on images that boot by UEFI only it may be a link to the EFI system partition. */
#define CCB_GRUBENV_PATH "/boot/grub2/grubenv"

/* Where unit files of the system are looked for, the first one counting; ends with NULL.  The first
 * is the administrator's; the last is the one before it again where /lib is a link. */
#define CCB_UNIT_DIR "/etc/systemd/system"
extern const char *const ccb_unit_dirs[];

typedef struct {
    char *
        id; /* <machine-id>-<kver>: the file name without .conf; of grub.cfg's own: --id, or the title */
    char *path; /* in the guest: the entry's file, or the grub.cfg that has it */
    char *title;
    char *kernel,
        *initrd; /* paths in the guest as GRUB finds them, with a space between; "(DEVICE)/PATH" for what is not
                              on the root file system; NULL where the entry names none */
    char *cmdline; /* what GRUB gives the kernel, its variables replaced */
    char *kver;    /* from the version key, or from the names of the files */
} CcbBootEntry;

typedef struct {
    char *sha256; /* of the image file */
    char *path;   /* of the image file; not cached */
    char *format; /* qcow2, raw, vpc */
    CcbDisk *disk;
    char *os_id, *os_version, *os_name; /* ID, VERSION_ID, PRETTY_NAME of os-release */
    char *machine_id;                   /* or NULL */
    char **kernels; /* directories of /lib/modules that hold a modules.dep, by ccb_kver_compare */
    GPtrArray *entries;  /* CcbBootEntry, by kver */
    char *default_entry; /* id of the one that GRUB would boot */
    char *default_kver;  /* its kernel: the kernel of the image */
    char *saved_entry;   /* of grubenv, or NULL */
    char *kernelopts;    /* GRUB's variable, or NULL */
    char *
        unmatched_default; /* what GRUB's configuration names as the default, and no entry answers to; or NULL */
    char *
        boot_problem; /* "FILE:LINE: ...": why GRUB starts nothing, or it can't be told what; NULL: default_entry is right */
    char **units;     /* the names in ccb_unit_dirs: units, directories of drop-ins and of links */
    char **packages;  /* name-[epoch:]version-release.arch, sorted */
    uint64_t free_bytes; /* of the root file system */
} CcbFacts;

CcbFacts *ccb_facts_new(void);        /* all unknown */
void ccb_facts_free(CcbFacts *facts); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbFacts, ccb_facts_free)

/* Without path and sha256. */
CcbFacts *ccb_facts_copy(const CcbFacts *facts);

/* The facts of an image file, from the cache or by opening it through `backend` (read-only, never
 * written).  Errors: CCB_ERR_INPUT (missing, no image, corrupt, no root, two roots, dirty, no boot
 * entry), CCB_ERR_HOST. */
CcbFacts *ccb_facts_of_image(const char *path, CcbBackend backend, GError **error);

/* Only from the cache: NULL without an error when they are not there. */
CcbFacts *ccb_facts_cached(const char *path, GError **error);

/* The same reading for a guest that is open already (after the bake, or in verify); disk, sha256,
 * path and format stay NULL. */
CcbFacts *ccb_facts_of_guest(CcbGuest *guest, GError **error);

/* As above without units and packages, which stay NULL: where their list is of no use, or may be
 * damaged.  A grubenv on the EFI system partition is read, and not refused as above: nothing is to
 * be written to it. */
CcbFacts *ccb_facts_without_packages(CcbGuest *guest, GError **error);

/* The packages alone, as in CcbFacts; caller frees.  Empty where there is no database.  Errors:
 * CCB_ERR_INPUT for a database that can't be read, with its place in the guest; CCB_ERR_IO. */
char **ccb_facts_packages(CcbGuest *guest, GError **error);

/* The entry that GRUB would boot, or NULL.  Belongs to facts. */
const CcbBootEntry *ccb_facts_default_entry(const CcbFacts *facts);

/* Whether an entry is dracut's rescue entry, whose kernel has no directory of modules: its
 * initramfs has them all. */
bool ccb_facts_is_rescue(const CcbBootEntry *entry);

/* The cached form: without path and sha256. */
json_t *ccb_facts_to_json(const CcbFacts *facts);  /* new reference */
CcbFacts *ccb_facts_from_json(const json_t *json); /* NULL for another version or a damaged file */
