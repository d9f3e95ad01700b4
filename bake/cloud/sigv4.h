/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures of requests, version 4 ("AWS Signature Version 4 for API requests" in the reference of
 * IAM; OSS takes the same).  The payload is signed by its digest, never in chunks.  Pure.
 */
#pragma once

#include <glib.h>

typedef struct {
    const char *name; /* in lower case */
    const char *value;
} CcbPair;

typedef struct {
    const char *method;
    const char *path;    /* as it is sent: percent-encoded */
    GArray *query;       /* of CcbPair, not encoded, in any order; NULL: none */
    GArray *headers;     /* of CcbPair: all that are to be signed, host among them */
    const char *payload; /* sha256 of the body */
    const char *time;    /* "20130524T000000Z" */
} CcbSigv4Request;

typedef struct {
    const char *id, *secret;
    const char *region, *service;
} CcbSigv4Key;

/* The value of the Authorization header; caller frees.  Sorts query and headers. */
char *ccb_sigv4_authorization(const CcbSigv4Request *request, const CcbSigv4Key *key);

/* Percent-encodes all but letters, digits, "-", ".", "_", "~" and those in `keep`; caller frees. */
char *ccb_uri_encode(const char *text, const char *keep);

/* "a=1&b=2", encoded, in the order that it is signed in.  Caller frees. */
char *ccb_sigv4_query(GArray *query);
