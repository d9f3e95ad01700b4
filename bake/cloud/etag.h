/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ETag tells of content: of a part it is mostly the MD5, of an object that was put together
 * the MD5 of the parts' MD5s and their number, "MD5-N".  No standard says so ("ETag" in the S3 API
 * reference, Object: "may or may not be an MD5 digest of the object data").
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "http/exchange.h"

typedef enum {
    CCB_ETAG_SAME,
    CCB_ETAG_DIFFERS, /* of the same form, and another: the content is another */
    CCB_ETAG_OPAQUE,  /* of another form, or missing: it tells nothing */
} CcbEtagVerdict;

/* Both without quotes; `expected` is "MD5" or "MD5-N", `etag` may be NULL.  Forms with another N are
 * different forms.  Pure. */
CcbEtagVerdict ccb_etag_compare(const char *etag, const char *expected);

/* Whether the answer says that the server encrypts with a key of a KMS: its ETags then look like MD5s
 * and are not those of the content ("ETag" in the S3 API reference, Object; "ETag" in OSS's
 * UploadPart).  With keys of the storage service itself, "AES256", they are. */
bool ccb_etag_is_encrypted(const CcbHttpExchange *exchange);
