/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests and their answers, one or several at a time, for protocols in which an answer has to be read to know
 * what it means.
 *
 *     CcbHttpPool *pool = ccb_http_pool_new();
 *     CcbHttpExchange *exchange = ccb_http_exchange_new(&request);
 *     ccb_http_pool_add(pool, exchange);                       any number of them; then, in a loop:
 *     if (!ccb_http_pool_turn(pool, 250, error)) ...
 *     while ((exchange = ccb_http_pool_take_ended(pool)) != NULL) ...
 *
 * Redirects are not followed, and answers of more than CCB_HTTP_ANSWER_MAX bytes are refused.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { CCB_HTTP_ANSWER_MAX = 4 << 20 };

typedef struct {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", up to a NULL; NULL: none */
    const char *text;           /* the body, or NULL ... */
    int fd;                     /* ... and then a piece of this file, if size is not 0 */
    uint64_t offset, size;      /* bytes */
    uint64_t bytes_per_s;       /* at most; 0: no limit */
    long stall_s;               /* given up after so many seconds without progress */
    bool direct; /* not through a proxy, and given up after 2 s without a connection */
} CcbHttpRequest;

typedef struct {
    uint64_t sent; /* bytes of the file so far */

    /* When it has ended: */
    GError *error;  /* CCB_ERR_FETCH or CCB_ERR_IO, why there is no answer; NULL: there is one */
    bool transient; /* the error may pass by itself */
    long status;    /* of HTTP */
    GString *body;

    /* Private: */
    CURL *handle;
    CURLM *multi; /* that it is in, or NULL */
    struct curl_slist *headers;
    char *text;
    char message[CURL_ERROR_SIZE];
    int fd;
    uint64_t offset, size;
} CcbHttpExchange;

/* Copies the request, but for the file, which must stay open. */
CcbHttpExchange *ccb_http_exchange_new(const CcbHttpRequest *request);
void ccb_http_exchange_free(CcbHttpExchange *exchange); /* overwrites it; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbHttpExchange, ccb_http_exchange_free)

/* A header of the answer, owned by the exchange; NULL: it is not there. */
const char *ccb_http_exchange_header(const CcbHttpExchange *exchange, const char *name);

/* As ccb_http_pause_ms(). */
gint64 ccb_http_exchange_pause_ms(const CcbHttpExchange *exchange, unsigned first_ms,
                                  unsigned tries);

typedef struct CcbHttpPool CcbHttpPool;

CcbHttpPool *ccb_http_pool_new(void);
void ccb_http_pool_free(CcbHttpPool *pool); /* after all exchanges that are in it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbHttpPool, ccb_http_pool_free)

/* The caller keeps ownership, and may free the exchange at any time. */
void ccb_http_pool_add(CcbHttpPool *pool, CcbHttpExchange *exchange);

/* Sends and receives what it can, waiting up to `ms` milliseconds for something to do.  Errors:
 * CCB_ERR_CANCELLED. */
bool ccb_http_pool_turn(CcbHttpPool *pool, int ms, GError **error);

/* An exchange that has ended since the last call, or NULL. */
CcbHttpExchange *ccb_http_pool_take_ended(CcbHttpPool *pool);

/* Ends the wait of ccb_http_pool_turn(); may be called by another thread. */
void ccb_http_pool_wake(CcbHttpPool *pool);

/* Adds an exchange to a pool that is empty, and waits for its end.  Errors: CCB_ERR_CANCELLED. */
bool ccb_http_pool_run(CcbHttpPool *pool, CcbHttpExchange *exchange, GError **error);
