/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grub.cfg that a vendor puts beside GRUB on the EFI system partition: a few lines that look for
 * the file system with the configuration, and load that.
 *
 *     search --no-floppy --fs-uuid --set=dev 5d3a8f0e-...
 *     set prefix=($dev)/boot/grub2
 *     export $prefix
 *     configfile $prefix/grub.cfg
 *
 * Commands and options: GNU GRUB manual 2.06, sections 16.3.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
    enum { CCB_SEARCH_UUID, CCB_SEARCH_LABEL, CCB_SEARCH_FILE } kind;
    char *what; /* the UUID or label of a file system, or a file that it has */
    guint line;
} CcbGrubSearch;

typedef struct {
    GPtrArray *searches; /* CcbGrubSearch */
    char *config;        /* the file that is loaded, without its device; NULL: none */
    guint config_line;
} CcbGrubStub;

/* NULL: the file is more than that, or not text, and what it does is not known. */
CcbGrubStub *ccb_grubstub_parse(const char *data, size_t size);
void ccb_grubstub_free(CcbGrubStub *stub); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbGrubStub, ccb_grubstub_free)
