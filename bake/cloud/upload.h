/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file ► an object of a bucket, whatever happens on the way.
 *
 * 1. The file's SHA-256.  An object that has it (in its metadata, as ccbake notes it) is current.
 * 2. An upload to the same place that was begun before is gone on with, where it was of the same
 *    content; else one is begun, and noted (state.h) before anything is sent.
 * 3. The parts (parts.h).
 * 4. The server puts them together, and is asked what it has: size, note and checksum must be right.
 *
 * The object appears complete or not at all, as the server only shows what was put together.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cloud/s3.h"
#include "cloud/upload-source.h"

typedef struct {
    uint64_t part_size;   /* 0: chosen */
    unsigned connections; /* parts that are sent at a time */
    uint64_t bytes_per_s; /* of all together; 0: no limit */
    bool force;           /* replaces another object */
} CcbUploadOptions;

typedef struct {
    bool current; /* it was there already */
    uint64_t size, sent;
    char *sha256, *etag;
} CcbUploadResult;

enum { CCB_CONNECTIONS = 4, CCB_CONNECTIONS_MAX = 64 };

/* Errors: CCB_ERR_USAGE (another object is there), CCB_ERR_INPUT (the file is unfit, or has
 * changed), CCB_ERR_FETCH (server or network), CCB_ERR_BUSY, CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_upload(CcbS3 *s3, CcbSource *source, const CcbUploadOptions *options, CcbUploadResult *ret,
                GError **error);
void ccb_upload_result_clear(CcbUploadResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbUploadResult, ccb_upload_result_clear)
