/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output as a transaction: reserved at the start, so that a second bake of it and an existing
 * file are refused before any work; written to a temporary file beside it; there under its name
 * only when everything about it is right.
 *
 *     g_autoptr(CcbOutput) out = ccb_output_reserve(path, force, error);
 *     write to out->temporary ...
 *     ccb_output_publish(out, manifest, error);      without this, ccb_output_free() leaves nothing
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct {
    char *path;      /* the image */
    char *manifest;  /* path.json, with the image's ending replaced */
    char *log;       /* path.log, likewise */
    char *report;    /* path.html, likewise */
    char *failed;    /* path.failed.html: the report of an image that was not published */
    char *temporary; /* where the image is written */
    int lock;        /* descriptor that holds the lock on it */
    bool force;
} CcbOutput;

/* Where manifest and report of an image are; caller frees. */
char *ccb_output_manifest_path(const char *image);
char *ccb_output_report_path(const char *image);

/* Errors: CCB_ERR_USAGE (exists), CCB_ERR_BUSY (another ccbake bakes it), CCB_ERR_IO. */
CcbOutput *ccb_output_reserve(const char *path, bool force, GError **error);

/* Syncs, and renames manifest, report (HTML) and image into place. */
bool ccb_output_publish(CcbOutput *output, const json_t *manifest, const char *report,
                        GError **error);

void ccb_output_free(CcbOutput *output); /* removes what was not published; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbOutput, ccb_output_free)
