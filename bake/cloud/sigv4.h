/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures of requests, version 4 ("AWS Signature Version 4 for API requests" in the reference of
 * IAM; OSS takes the same).  The payload is signed by its digest, never in chunks.  Pure.
 *
 * CURLOPT_AWS_SIGV4 of libcurl can't replace it: from 8.14.0 on it fails together with CURLOPT_PATH_AS_IS,
 * without which libcurl changes keys like "a/../b" before it sends them.
 */
#pragma once

#include <glib.h>

typedef struct {
    const char *name; /* of a header: in lower case */
    const char *value;
} CcbPair;

typedef struct {
    const char *method;
    const char *path; /* as it is sent: percent-encoded */
    GArray *query;    /* of CcbPair, not encoded, in any order; NULL: none */
    GArray *headers;  /* of CcbPair: all that are to be signed, including host; values without two
                          * spaces in a row, or one at either end */
    const char *payload; /* SHA-256 of the body */
    const char *time;    /* "20130524T000000Z" */
} CcbSigv4Request;

typedef struct {
    const char *id, *secret;
    const char *region, *service;
} CcbSigv4Key;

/* The value of the Authorization header; caller frees.  Sorts query and headers. */
char *ccb_sigv4_authorization(const CcbSigv4Request *request, const CcbSigv4Key *key);

/* "a=1&b=2", percent-encoded, in the order in which it is signed.  Caller frees. */
char *ccb_sigv4_query(GArray *query);
