/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of a server: about the object, and for its multipart upload.  Errors, if nothing else is said:
 * CCB_ERR_FETCH (server or network), CCB_ERR_CANCELLED, and those of ccb_credentials_renew_in_time().
 */
#pragma once

#include <stdint.h>

#include "cloud/s3.h"

/* --- ETags: of a part mostly its MD5; of an object that was put together "MD5-N", the MD5 of the parts' MD5s
 * and their number.  No standard says so ("ETag" in the S3 API reference, Object: "may or may not be
 * an MD5 digest of the object data"). */

typedef enum {
    CCB_ETAG_SAME,
    CCB_ETAG_DIFFERS, /* of the same form: the content is another */
    CCB_ETAG_OPAQUE,  /* of another form, or missing: it tells nothing */
} CcbEtagVerdict;

/* Both without quotes; `expected` is "MD5" or "MD5-N", `etag` may be NULL.  "MD5-N" with another N
 * is another form.  Pure. */
CcbEtagVerdict ccb_etag_compare(const char *etag, const char *expected);

/* Whether the answer says that the server encrypts with a key of a KMS.  Then its ETags look like MD5s but
 * are not those of the content ("ETag" in the S3 API reference, Object; "ETag" in OSS's UploadPart).
 * With keys of the storage service itself, "AES256", they are. */
bool ccb_etag_is_encrypted(const CcbHttpExchange *exchange);

/* An ETag as a header has it, without its quotes and the "W/" that a proxy may put before them, and
 * printable; caller frees.  NULL stays NULL. */
char *ccb_etag_unquote(const char *header);

/* --- The object */

enum { CCB_PARTS_MAX = 10000 }; /* of an upload, by S3 and OSS alike */

typedef struct {
    bool exists;
    uint64_t size; /* bytes */
    char *
        sha256; /* from ccbake's metadata; NULL: ccbake did not upload it, or there is no metadata */
    char *etag;
    char *crc64; /* decimal; NULL: not reported */
    bool of_oss; /* by the answer, as a bucket of OSS may have a domain of its own */
} CcbObject;

/* Reads the first bytes of it: the answer to a HEAD request would not say what is wrong. */
bool ccb_object_look(CcbS3 *s3, CcbObject *ret, GError **error);
void ccb_object_clear(CcbObject *object);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbObject, ccb_object_clear)

bool ccb_object_delete(CcbS3 *s3, GError **error);

/* --- Its upload */

/* Returns the upload's id; caller frees.  *ret_opaque_etags: the ETags of the parts will not be MD5s. */
char *ccb_object_begin(CcbS3 *s3, const char *sha256, bool *ret_opaque_etags, GError **error);

typedef void (*CcbPartFunc)(unsigned number, uint64_t size, const char *etag, void *data);

/* Calls `func` for each part that the server has; for none, with a warning, if it can't list them.  *ret_known:
 * whether the server knows the upload. */
bool ccb_object_list_parts(CcbS3 *s3, const char *upload_id, CcbPartFunc func, void *data,
                           bool *ret_known, GError **error);

/* `parts`: the XML that lists them.  Also true if the server does not know the upload (any more): the
 * answer to an earlier try may have been lost.  The caller looks at the object. */
bool ccb_object_complete(CcbS3 *s3, const char *upload_id, const char *parts, GError **error);

/* Also true if the server does not know the upload. */
bool ccb_object_abort(CcbS3 *s3, const char *upload_id, GError **error);

typedef struct {
    char *key, *upload_id;
    gint64 begun; /* seconds since the epoch; 0: unknown */
} CcbUnfinished;

/* The bucket's unfinished uploads to keys that begin with the target's.  Returns an array of
 * CcbUnfinished * (caller unrefs), or NULL. */
GPtrArray *ccb_object_list_unfinished(CcbS3 *s3, GError **error);
