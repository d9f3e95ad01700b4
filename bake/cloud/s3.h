/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to a bucket of an S3 server, and to an object in it: signed, sent, and their answers checked.
 *
 * A request that is sent alone goes through ccb_s3_call(), which tries again if that may help.  One
 * that is sent together with others is made by ccb_s3_request(), the caller puts it into s3->pool,
 * and ccb_s3_check() says how it ended.
 */
#pragma once

#include "cloud/credentials.h"
#include "cloud/sigv4.h"
#include "cloud/target.h"
#include "http/exchange.h"

typedef struct {
    CcbTarget *target;
    CcbCredentials *credentials;
    CcbHttpPool *pool;
    bool answered; /* at least once, whatever the answer was */
} CcbS3;

typedef struct {
    const char *method;
    bool of_bucket;         /* and not of the object */
    const CcbPair *query;   /* ends with a pair without a name; NULL: none */
    const CcbPair *headers; /* the same */
    const char *text;       /* the body, or NULL */
    int fd;                 /* if size is not 0, the body is a piece of this file ... */
    uint64_t offset, size;  /* bytes */
    const char *payload;    /* ... with this SHA-256 */
    uint64_t bytes_per_s;   /* at most; 0: no limit */
    long stall_s;           /* seconds without progress after which it is given up; 0: a minute */
} CcbS3Request;

/* A signed request.  Renews credentials that are about to expire; NULL with the error of that. */
CcbHttpExchange *ccb_s3_request(CcbS3 *s3, const CcbS3Request *request, GError **error);

typedef enum {
    CCB_S3_DONE,
    CCB_S3_AGAIN,   /* worth another try, as a new request */
    CCB_S3_REFUSED, /* not worth one */
} CcbS3Verdict;

/* Sets the error unless it returns CCB_S3_DONE.  *ret_code (caller frees; ret_code may be NULL): the
 * server's code for the error, or "". */
CcbS3Verdict ccb_s3_check(CcbS3 *s3, const CcbHttpExchange *exchange, char **ret_code,
                          GError **error);

/* How often a request is tried again, and the first pause.  A server that has never answered more likely
 * has another address than a fault. */
enum { CCB_S3_RETRIES = 6, CCB_S3_FIRST_RETRIES = 2, CCB_S3_PAUSE_MS = 500 };

/* Tells the user why a try failed, and when the next one follows. */
void ccb_s3_announce_retry(const GError *reason, gint64 pause_ms);

/* Sends a request, and tries again while that may help.  Returns the exchange (caller frees), or NULL with the
 * error, and with *ret_code as above (NULL if there was no answer). */
CcbHttpExchange *ccb_s3_call(CcbS3 *s3, const CcbS3Request *request, char **ret_code,
                             GError **error);
