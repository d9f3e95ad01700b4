/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the backend and opens images, for the verbs that look at an image. */
#pragma once

#include "base/progress.h"
#include "diff/diff.h"
#include "diff/snapshot.h"
#include "guest/guest.h"

/* Rows for the option table of a verb that changes images, and of one that only reads them; `name` is the const char *
 * of --backend. */
/* clang-format off */
#define CCB_BACKEND_OPTIONS(name)                                                                  \
    {"backend", 0, CCB_OPT_STRING, &(name), "auto|appliance|host", "how the image is opened"},     \
    CCB_DEBUG_OPTION
#define CCB_READ_BACKEND_OPTIONS(name)                                                             \
    {"backend", 0, CCB_OPT_STRING, &(name), "auto|reader|appliance|host", "how the image is read"}, \
    CCB_DEBUG_OPTION
/* clang-format on */

/* The backend for the name that --backend gives.  `activity`, as "the bake runs", is for the line (or
 * the warning) that says which it is and why; NULL: none is printed.  Returns AUTO on error:
 * CCB_ERR_USAGE (no such name), CCB_ERR_HOST (it can't work here). */
CcbBackend ccb_choose_backend(const char *name, const char *activity, GError **error);

/* As above for images that are only read: "auto" is the reader. */
CcbBackend ccb_open_backend(const char *name, GError **error);

/* Any image in a format that ccbake reads, read-only. */
CcbGuest *ccb_open_image(const char *path, CcbBackend backend, GError **error);

/* Also one whose file systems were not unmounted cleanly: there is a check that reports it. */
CcbGuest *ccb_open_unclean_image(const char *path, CcbBackend backend, GError **error);

/* The SHA-256 of an image's file, with its progress; caller frees. */
char *ccb_digest_image(const char *path, GError **error);

/* What to read of an image for a comparison. */
typedef struct {
    const char *path;
    const char *format;     /* NULL: it is probed */
    const char *name;       /* for messages; NULL: the path */
    CcbSnapshot **snapshot; /* filled; the caller frees it */
    /* NULL, or called at the end, while the image is open. */
    bool (*then)(const CcbSnapshot *snapshot, CcbGuest *guest, void *data, GError **error);
    void *data;
} CcbReading;

/* The tree and the facts, without contents. */
bool ccb_read_image(CcbBackend backend, const CcbReading *reading, GError **error);

/* Two images, with the contents that a comparison of them looks at.  Which these are is known when both
 * trees are: the first image stays open until the second is read, so that neither is opened twice. */
bool ccb_read_images(CcbBackend backend, const CcbReading *a, const CcbReading *b, GError **error);

/* Reads and compares two images; NULL on error. */
CcbDiff *ccb_compare_images(CcbBackend backend, const char *a, const char *b, GError **error);
