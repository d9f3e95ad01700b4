/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file becomes an object of a bucket, whatever happens on the way.
 *
 * 1. The file's SHA-256 is computed.  An object with this digest in its metadata, where ccbake notes it, is
 *    current: there is nothing to do.
 * 2. If an earlier run has begun to upload the same content to the same place, this one continues it; else
 *    an upload is begun, and noted (upload-state.h) before anything is sent.
 * 3. The parts are sent (upload-parts.h).
 * 4. The server puts them together.  Then size, metadata and checksum of the object are checked.
 *
 * The object appears complete or not at all, because the server shows it only after step 4.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cloud/object.h"
#include "cloud/upload-source.h"

typedef struct {
    uint64_t part_size;   /* bytes; 0: chosen by the size of the file */
    unsigned connections; /* parts that are sent at a time */
    uint64_t bytes_per_s; /* of all together; 0: no limit */
    bool force;           /* replace another object */
} CcbUploadOptions;

typedef struct {
    bool current;        /* the object was there already */
    uint64_t size, sent; /* bytes */
    char *sha256, *etag; /* the ETag may be NULL */
} CcbUploadResult;

enum { CCB_CONNECTIONS = 4, CCB_CONNECTIONS_MAX = 64 };

/* Errors: CCB_ERR_USAGE (another object is there), CCB_ERR_INPUT (the file is unfit, or has changed),
 * CCB_ERR_FETCH (server or network), CCB_ERR_BUSY, CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_upload(CcbS3 *s3, CcbSource *source, const CcbUploadOptions *options, CcbUploadResult *ret,
                GError **error);
void ccb_upload_result_clear(CcbUploadResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbUploadResult, ccb_upload_result_clear)

/* Aborts unfinished uploads, whose parts cost money and are shown nowhere: those to keys that begin with the
 * target's, and that began at least `days` days ago.  Returns those (of CcbUnfinished *; caller unrefs), or
 * NULL.  Errors: CCB_ERR_FETCH, CCB_ERR_CANCELLED. */
GPtrArray *ccb_stale_abort(CcbS3 *s3, unsigned days, GError **error);
