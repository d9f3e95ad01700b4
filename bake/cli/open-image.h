/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that look at an image begin with. */
#pragma once

#include "diff/snapshot.h"
#include "guest/guest.h"

/* The backend of a --backend option, with a line that says which and why; AUTO on error. */
CcbBackend ccb_open_backend(const char *name, GError **error);

/* The same without the line, for verbs that judge: the appliance is taken as it is, working KVM or
 * not, as it keeps an image that nobody trusts away from the kernel of this host. */
CcbBackend ccb_judging_backend(const char *name, GError **error);

/* Any image that ccbake reads, read-only. */
CcbGuest *ccb_open_image(const char *path, CcbBackend backend, GError **error);

/* As it is, for a check to say so: also one whose file systems were not unmounted cleanly. */
CcbGuest *ccb_open_unclean_image(const char *path, CcbBackend backend, GError **error);

/* Opens it for one activity, "read" or the like, with its progress; errors of `use` are prefixed with the image. */
bool ccb_with_image(const char *tag, const char *path, CcbBackend backend,
                    bool (*use)(CcbGuest *guest, void *data, GError **error), void *data,
                    GError **error);

/* What to read of an image for a comparison. */
typedef struct {
    const char *path;
    const char *format;     /* NULL: an image from outside, which is probed */
    const char *name;       /* for people; NULL: the path */
    CcbSnapshot **snapshot; /* where it goes; belongs to the caller */
    /* NULL, or called at the end, while the image is open. */
    bool (*then)(const CcbSnapshot *snapshot, CcbGuest *guest, void *data, GError **error);
    void *data;
} CcbReading;

/* The tree and the facts, without contents. */
bool ccb_read_image(CcbBackend backend, const CcbReading *reading, GError **error);

/* Two, with the contents that a comparison of them looks at.  Which these are only both trees tell: the first stays
 * open until the second is read, so that neither is opened twice. */
bool ccb_read_images(CcbBackend backend, const CcbReading *a, const CcbReading *b, GError **error);
