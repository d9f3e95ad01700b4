/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of an upload: threads compute their digests, the caller's thread sends several at a time.
 *
 *     TODO ──► DIGESTING ──┬──────────────────────────────► DONE    the server has it already
 *                          └──► READY ──► SENDING ─────────► DONE
 *                                 ▲          │ after a pause
 *                                 └──────────┘
 *
 * No part is held in memory: each is read twice, for its digests and to be sent.
 *
 * That the server has a part as it is in the file is proved by an ETag that is its MD5.  If the server's
 * ETags are something else ("opaque"), it is proved by the Content-MD5 that was sent with the part, which the server
 * must verify ("Content-MD5" in UploadPart, in the references of S3 and OSS).  Of parts that an earlier
 * run has sent, only the sizes are compared then.
 */
#pragma once

#include "cloud/s3.h"
#include "cloud/upload-source.h"

typedef struct {
    const char *upload_id;
    uint64_t part_size; /* bytes */
    bool opaque_etags;
    unsigned connections; /* parts that are sent at a time */
    uint64_t bytes_per_s; /* of all together; 0: no limit */
} CcbPartsOptions;

typedef struct CcbParts CcbParts;

/* The arguments must outlive it. */
CcbParts *ccb_parts_new(CcbS3 *s3, const CcbSource *source, const CcbPartsOptions *options);
void ccb_parts_free(CcbParts *parts); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbParts, ccb_parts_free)

/* The server has part `number`, from an earlier run (a CcbPartFunc).  It is not sent again if it is the same as
 * in the file. */
void ccb_parts_found(unsigned number, uint64_t size, const char *etag, void *parts);

/* Bytes of the parts that were found. */
uint64_t ccb_parts_found_size(const CcbParts *parts);

/* Sends the parts that the server lacks.  Errors: CCB_ERR_FETCH, CCB_ERR_INPUT (the file has changed),
 * CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_parts_send(CcbParts *parts, GError **error);

/* --- When the server has all parts */

uint64_t ccb_parts_sent(const CcbParts *parts); /* bytes of the parts that were sent */
char *ccb_parts_xml(const CcbParts *parts); /* the body that completes the upload; caller frees */

/* The ETag of an object of these parts, if the server makes it of their MD5s; NULL if its ETags of parts are not
 * MD5s.  Caller frees. */
char *ccb_parts_etag(const CcbParts *parts);

uint64_t ccb_parts_crc64(const CcbParts *parts);
