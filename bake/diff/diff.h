/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two images: from two snapshots (snapshot.h) to a structure, and from that to text or JSON.
 *
 *     g_autoptr(CcbDiff) diff = ccb_diff_new(a, b);      the snapshots may be freed then
 *     g_autofree char *text = ccb_diff_to_text(diff);
 *
 * Strings are as the guests have them; text and JSON have them made printable.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "diff/snapshot.h"

typedef enum { CCB_DIFF_ADDED, CCB_DIFF_REMOVED, CCB_DIFF_CHANGED } CcbDiffChange;

typedef struct {
    CcbDiffChange change;
    const char *what; /* of a unit: rules.h; of a configuration file: NULL */
    char *name;       /* package.arch, kernel, KVER/module, unit, path */
    char *a, *b;      /* versions; paths of a unit; attributes of a file; NULL: it has none */
    char *
        hunks; /* of a configuration file: the lines that differ, as textdiff.h has them; or NULL */
    const char *note; /* why lines are not shown; or NULL */
} CcbDiffItem;

typedef struct {
    CcbDiffChange change;
    char *id;
    char **removed, **added; /* arguments of the kernel */
} CcbDiffBoot;

typedef struct {
    char *path;
    guint added, removed, changed;
    guint64 added_bytes, removed_bytes; /* a changed file has both */
} CcbDiffDirectory;

typedef struct {
    char *name;                    /* of the snapshot */
    char *system;                  /* PRETTY_NAME, or NULL */
    char *entry;                   /* the one that GRUB boots, or NULL */
    char *problem, *order_problem; /* why facts, and the order, are not compared; or NULL */
    guint files, packages;
    guint64 bytes;
} CcbDiffSide;

typedef struct {
    CcbDiffSide a, b;
    GPtrArray *packages, *kernels, *modules, *units, *files; /* CcbDiffItem; files: configuration */
    GPtrArray *order;           /* CcbDiffItem: "a ► b": of the GPU's units, a starts before b */
    GPtrArray *boot;            /* CcbDiffBoot: entries, and "default" if that is another entry */
    GPtrArray *directories;     /* CcbDiffDirectory: all other files, most bytes first */
    CcbDiffDirectory *fleeting; /* what changes by itself, counted only */
} CcbDiff;

CcbDiff *ccb_diff_new(const CcbSnapshot *a, const CcbSnapshot *b);
void ccb_diff_free(CcbDiff *diff); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbDiff, ccb_diff_free)

/* Whether both have a default entry, and not the same one. */
bool ccb_diff_moves_default(const CcbDiff *diff);

/* Whether nothing differs but what changes by itself. */
bool ccb_diff_is_empty(const CcbDiff *diff);

/* The text is bounded: long lists and long hunks end with a line that says how much is left out. */
char *ccb_diff_to_text(const CcbDiff *diff);      /* caller frees */
char *ccb_diff_body_to_text(const CcbDiff *diff); /* without the lines that name the images */
json_t *ccb_diff_to_json(const CcbDiff *diff);    /* new reference; ccbake(1) has the members */
