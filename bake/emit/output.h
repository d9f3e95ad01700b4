/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outputs as a transaction.  They are reserved first, so that a second bake of them and existing
 * files are refused before any work; they are written to temporary files beside their places; and
 * they get their names when everything about them is right, all or none.
 *
 *     g_autoptr(CcbOutput) out = ccb_output_reserve(paths, force, error);
 *     write to each image's temporary ...
 *     ccb_output_publish(out, manifest, report, error);     without this, ccb_output_free() removes
 *                                                           the temporary files
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct {
    char *path;      /* the name that it will get */
    char *temporary; /* where it is written */
    int lock;        /* descriptor that holds the lock on it; -1: none */
    bool replaced;   /* it has its name, and `temporary` is the file that had the name before */
} CcbOutputFile;

typedef struct {
    GPtrArray *images;            /* CcbOutputFile */
    const char *path, *temporary; /* of the first one */
    char *manifest;               /* path.json, with the image's ending replaced */
    char *log;                    /* path.log, likewise */
    char *report;                 /* path.html, likewise */
    char *failed; /* path.failed.html: the report of an image that was not published */
    bool force;
} CcbOutput;

/* "dir/name.qcow2" and "json" give "dir/name.json".  Only the endings of images are replaced:
 * "gpu-550.144.03" gives "gpu-550.144.03.json".  Caller frees. */
char *ccb_output_sibling(const char *path, const char *ending);

/* The paths of an image's manifest and report; caller frees. */
char *ccb_output_manifest_path(const char *image);
char *ccb_output_report_path(const char *image);

/* `paths`: of the images, NULL-terminated, at least one, none twice.  Errors: CCB_ERR_USAGE (one
 * exists), CCB_ERR_BUSY (another ccbake makes it), CCB_ERR_IO. */
CcbOutput *ccb_output_reserve(const char *const *paths, bool force, GError **error);

/* The image of that number. */
const CcbOutputFile *ccb_output_image(const CcbOutput *output, guint i);

/* Syncs, and renames manifest, report (HTML) and images into place; `manifest` and `report` may be
 * NULL.  If one of them can't be renamed, the files that had those names before are put back.
 * Errors: CCB_ERR_IO, CCB_ERR_USAGE (an image exists by now), CCB_ERR_BUSY. */
bool ccb_output_publish(CcbOutput *output, const json_t *manifest, const char *report,
                        GError **error);

/* Gives images that failed their checks the names of ccb_output_failed_path(), for whoever looks for
 * the fault; replaces what is there.  Errors: CCB_ERR_IO. */
bool ccb_output_keep_failed(CcbOutput *output, GError **error);

/* "dir/name.failed.qcow2" for "dir/name.qcow2"; caller frees. */
char *ccb_output_failed_path(const char *path);

void ccb_output_free(CcbOutput *output); /* removes what was not published; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbOutput, ccb_output_free)
