/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of an upload: digested by threads, sent several at a time by this one.
 *
 *     TODO ──► DIGESTING ──┬──────────────────────────────► DONE    the server has it already
 *                          └──► READY ──► SENDING ─────────► DONE
 *                                 ▲          │ after a pause
 *                                 └──────────┘
 *
 * No part is held in memory: each is read twice, for its digests and to be sent.
 *
 * What proves that the server has a part as the file has it: an ETag that is its MD5.  Where the
 * server's ETags are something else, that it took the part with a Content-MD5, which it has to verify
 * ("Content-MD5" in the S3 API reference, UploadPart, and in that of OSS): of an upload begun before
 * the parts are then those that it took from an earlier run, and only their sizes are compared.
 */
#pragma once

#include "cloud/s3.h"
#include "cloud/upload-source.h"

typedef struct {
    const char *upload_id;
    uint64_t part_size;
    bool opaque_etags;    /* the server's tell nothing of the content (etag.h) */
    unsigned connections; /* parts that are sent at a time */
    uint64_t bytes_per_s; /* of all together; 0: no limit */
} CcbPartsOptions;

typedef struct CcbParts CcbParts;

/* What is pointed to must outlive it. */
CcbParts *ccb_parts_new(CcbS3 *s3, const CcbSource *source, const CcbPartsOptions *options);
void ccb_parts_free(CcbParts *parts); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbParts, ccb_parts_free)

/* The server has part `number`, from an earlier run (a CcbPartFunc).  It is not sent again if it is
 * what the file has there. */
void ccb_parts_found(unsigned number, uint64_t size, const char *etag, void *parts);
uint64_t ccb_parts_found_size(const CcbParts *parts);

/* Sends what the server lacks.  Errors: CCB_ERR_FETCH, CCB_ERR_INPUT (the file has changed),
 * CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_parts_send(CcbParts *parts, GError **error);

/* When all are there: */
uint64_t ccb_parts_sent(const CcbParts *parts); /* bytes of those that were sent */
char *ccb_parts_xml(const CcbParts *parts);     /* what completes the upload; caller frees */

/* That an object of these parts has where the server makes it of their MD5s; NULL where its ETags of
 * the parts are none.  Caller frees. */
char *ccb_parts_etag(const CcbParts *parts);

uint64_t ccb_parts_crc64(const CcbParts *parts);
