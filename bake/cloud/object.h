/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of a server: about the object, and for its multipart upload. */
#pragma once

#include <stdint.h>

#include "cloud/s3.h"

enum { CCB_PARTS_MAX = 10000 }; /* of an upload, by S3 and OSS alike */

typedef struct {
    bool exists;
    uint64_t size;
    char *sha256; /* as ccbake has noted it; NULL: it was not uploaded by ccbake */
    char *etag;
    char *crc64; /* decimal; NULL: not reported */
    bool of_oss; /* whatever the endpoint is called: a bucket may have a domain of its own */
} CcbObject;

/* Reads the beginning of it rather than its head: the answer to a HEAD has no words for what is
 * wrong. */
bool ccb_object_look(CcbS3 *s3, CcbObject *ret, GError **error);
void ccb_object_clear(CcbObject *object);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbObject, ccb_object_clear)

bool ccb_object_delete(CcbS3 *s3, GError **error);

/* Returns the upload's id; caller frees.  *ret_opaque_etags: those of its parts will be no MD5s. */
char *ccb_object_begin(CcbS3 *s3, const char *sha256, bool *ret_opaque_etags, GError **error);

typedef void (*CcbPartFunc)(unsigned number, uint64_t size, const char *etag, void *data);

/* The parts that the server has; none, with a warning, where it knows no such question.  *ret_known
 * is false where it doesn't know the upload. */
bool ccb_object_list_parts(CcbS3 *s3, const char *upload_id, CcbPartFunc func, void *data,
                           bool *ret_known, GError **error);

/* `parts`: the XML that lists them.  *ret_known as above: an answer that was lost may have told of
 * success. */
bool ccb_object_complete(CcbS3 *s3, const char *upload_id, const char *parts, bool *ret_known,
                         GError **error);

bool ccb_object_abort(CcbS3 *s3, const char *upload_id, GError **error);

typedef struct {
    char *key, *upload_id;
    gint64 begun; /* seconds since the epoch; 0: not known */
} CcbUnfinished;

/* The bucket's unfinished uploads to keys that begin with the target's.  Returns an array of
 * CcbUnfinished * (caller unrefs), or NULL. */
GPtrArray *ccb_object_list_unfinished(CcbS3 *s3, GError **error);
