/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests and their answers, one or several at a time, for protocols that are made of them.  What
 * an answer says is for the caller to judge.
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

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { CCB_HTTP_ANSWER_MAX = 4 << 20 };

typedef struct {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", up to a NULL; NULL: none */
    const char *text;           /* the body, or NULL ... */
    int fd;                     /* ... and then a piece of this file, where size is not 0 */
    uint64_t offset, size;
    uint64_t bytes_per_s; /* at most; 0: no limit */
    long stall_s;         /* without noteworthy progress */
    bool direct;          /* not through a proxy, and give up at once where nobody is there */
} CcbHttpRequest;

typedef struct CcbHttpExchange CcbHttpExchange;

/* Copies what it is given, but for the file, which must stay open. */
CcbHttpExchange *ccb_http_exchange_new(const CcbHttpRequest *request);
void ccb_http_exchange_free(CcbHttpExchange *exchange); /* overwrites it; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbHttpExchange, ccb_http_exchange_free)

/* Bytes of the file that were sent so far. */
uint64_t ccb_http_exchange_sent(const CcbHttpExchange *exchange);

/* Of an exchange that has ended: why there is no answer, or NULL; and whether that may pass. */
const GError *ccb_http_exchange_error(const CcbHttpExchange *exchange);
bool ccb_http_exchange_is_transient(const CcbHttpExchange *exchange);

long ccb_http_exchange_status(const CcbHttpExchange *exchange);
const char *ccb_http_exchange_header(const CcbHttpExchange *exchange, const char *name);
const GString *ccb_http_exchange_body(const CcbHttpExchange *exchange);

/* As ccb_http_pause_ms(). */
gint64 ccb_http_exchange_pause_ms(const CcbHttpExchange *exchange, unsigned first_ms,
                                  unsigned tries);

typedef struct CcbHttpPool CcbHttpPool;

CcbHttpPool *ccb_http_pool_new(void);
void ccb_http_pool_free(CcbHttpPool *pool); /* after all exchanges that are in it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbHttpPool, ccb_http_pool_free)

/* It stays the caller's, who may free it while it is under way. */
void ccb_http_pool_add(CcbHttpPool *pool, CcbHttpExchange *exchange);

/* Waits up to `ms` milliseconds for something to happen, and works on it.  Errors:
 * CCB_ERR_CANCELLED. */
bool ccb_http_pool_turn(CcbHttpPool *pool, int ms, GError **error);

/* One that has ended and was not taken yet, or NULL. */
CcbHttpExchange *ccb_http_pool_take_ended(CcbHttpPool *pool);

/* Ends the wait of ccb_http_pool_turn(); may be called by another thread. */
void ccb_http_pool_wake(CcbHttpPool *pool);

/* Adds it to a pool in which nothing else is, and waits for its end.  Errors: CCB_ERR_CANCELLED. */
bool ccb_http_pool_run(CcbHttpPool *pool, CcbHttpExchange *exchange, GError **error);
