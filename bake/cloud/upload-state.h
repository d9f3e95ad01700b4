/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of an upload under way, so that another run can continue it: its id on the server, and the
 * content.  The server says which parts it has, and the file which of them are right.
 *
 *     CACHE/uploads/KEY     JSON; KEY is a digest of server, bucket and key; locked during an upload
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cloud/target.h"

typedef struct {
    int fd; /* holds the lock */
    char *path;
    char *upload_id;          /* NULL: none is under way */
    char *sha256;             /* of the file */
    uint64_t size, part_size; /* bytes */
    bool opaque_etags;        /* of the parts (upload-parts.h) */
} CcbUploadState;

/* Takes the lock.  A file that can't be understood counts as none, with a warning.  Errors: CCB_ERR_BUSY (another
 * ccbake uploads to the same place), CCB_ERR_IO. */
CcbUploadState *ccb_upload_state_open(const CcbTarget *target, GError **error);

/* Unlocks; removes the file if no upload is under way.  Accepts NULL. */
void ccb_upload_state_free(CcbUploadState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUploadState, ccb_upload_state_free)

/* Notes that `upload_id` was begun; returns when that is on the disk.  Errors: CCB_ERR_IO. */
bool ccb_upload_state_begin(CcbUploadState *state, const char *upload_id, const char *sha256,
                            uint64_t size, uint64_t part_size, bool opaque_etags, GError **error);

/* Notes that no upload is under way. */
void ccb_upload_state_clear(CcbUploadState *state);
