/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of an upload under way, so that another run can go on with it: which upload of the
 * server's it is, and of what.  Which parts are there is for the server to say, and whether they are
 * right for the file.
 *
 *     CACHE/uploads/KEY     JSON; KEY is a digest of server, bucket and key; locked by who uploads
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cloud/upload-target.h"

typedef struct {
    int fd; /* holds the lock */
    char *path;
    char *upload_id; /* NULL: none is under way */
    char *sha256;    /* of the file */
    uint64_t size, part_size;
    bool opaque_etags; /* of the parts (parts.h) */
} CcbUploadState;

/* Takes the lock.  What can't be read counts as none, with a warning.  Errors: CCB_ERR_BUSY (another
 * ccbake uploads to the same place), CCB_ERR_IO. */
CcbUploadState *ccb_upload_state_open(const CcbTarget *target, GError **error);

/* Unlocks; the file stays where an upload is under way. */
void ccb_upload_state_free(CcbUploadState *state); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUploadState, ccb_upload_state_free)

/* Notes that `upload_id` was begun; returns when that is on the disk. */
bool ccb_upload_state_begin(CcbUploadState *state, const char *upload_id, const char *sha256,
                            uint64_t size, uint64_t part_size, bool opaque_etags, GError **error);

/* Nothing is under way any more. */
void ccb_upload_state_clear(CcbUploadState *state);
