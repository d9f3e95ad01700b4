/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One bucket of an S3 server, and an object in it: requests are signed, answers judged.
 *
 * What is sent alone goes through ccb_s3_call(), which tries again; what is sent together with
 * others goes into s3->pool by ccb_s3_request(), and ccb_s3_judge() says what came of it.
 */
#pragma once

#include "cloud/credentials.h"
#include "cloud/sigv4.h"
#include "cloud/upload-target.h"
#include "http/exchange.h"

typedef struct {
    CcbTarget *target;
    CcbCredentials *credentials;
    CcbHttpPool *pool;
    bool answered; /* at least once, with whatever */
} CcbS3;

typedef struct {
    const char *method;
    bool of_bucket;         /* not of the object */
    const CcbPair *query;   /* up to one without a name; NULL: none */
    const CcbPair *headers; /* the same; names in lower case */
    const char *text;       /* the body, or NULL */
    int fd;                 /* a piece of this file, where size is not 0 ... */
    uint64_t offset, size;
    const char *payload; /* ... with its sha256 */
    uint64_t bytes_per_s;
    long stall_s; /* 0: as usual */
} CcbS3Request;

/* Signed now; renews credentials that are about to expire.  NULL with the error of that. */
CcbHttpExchange *ccb_s3_request(CcbS3 *s3, const CcbS3Request *request, GError **error);

typedef enum {
    CCB_S3_DONE,
    CCB_S3_AGAIN,   /* worth another try, as a new request */
    CCB_S3_REFUSED, /* not worth one */
} CcbS3Verdict;

/* *ret_code (caller frees; may be NULL): the server's word for the error, or "".  Sets the error in
 * all cases but CCB_S3_DONE. */
CcbS3Verdict ccb_s3_judge(CcbS3 *s3, const CcbHttpExchange *exchange, char **ret_code,
                          GError **error);

/* How often, and from which pause on, what may pass is tried again.  A server that has never answered
 * is more often a wrong address than out of order. */
enum { CCB_S3_RETRIES = 6, CCB_S3_FIRST_RETRIES = 2, CCB_S3_PAUSE_MS = 500 };

/* Tells the user of the failure of a try. */
void ccb_s3_announce_retry(const GError *reason, gint64 pause_ms);

/* Request and judgement, tried again while that may help.  Returns the exchange (caller frees), or
 * NULL with the error, and with *ret_code as above. */
CcbHttpExchange *ccb_s3_call(CcbS3 *s3, const CcbS3Request *request, char **ret_code,
                             GError **error);

/* An ETag without its quotes and the "W/" that a proxy may put before them, and fit to be shown;
 * caller frees.  NULL stays NULL. */
char *ccb_s3_etag(const char *header);
