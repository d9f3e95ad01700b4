/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/exchange.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/secret.h"
#include "http/handle.h"

struct CcbHttpPool {
    CURLM *multi;
};

/* --- What curl calls */

static size_t on_read(char *buffer, size_t one, size_t room, void *data)
{
    CcbHttpExchange *exchange = data;
    size_t size = MIN(one * room, exchange->size - exchange->sent);
    ssize_t n;
    do
        n = pread(exchange->fd, buffer, size, (off_t)(exchange->offset + exchange->sent));
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        ccb_fail_errno(&exchange->error, CCB_ERR_IO, "reading the file");
        return CURL_READFUNC_ABORT;
    }
    exchange->sent += (uint64_t)n;
    return (size_t)n;
}

/* When a connection that was kept turns out to be closed, the body begins again on another. */
static int on_seek(void *data, curl_off_t offset, int origin)
{
    CcbHttpExchange *exchange = data;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    exchange->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *data, size_t one, size_t size, void *user_data)
{
    CcbHttpExchange *exchange = user_data;
    if (exchange->body->len + one * size > CCB_HTTP_ANSWER_MAX) {
        ccb_fail(&exchange->error, CCB_ERR_FETCH, "the answer is longer than any should be");
        return 0;
    }
    g_string_append_len(exchange->body, data, (gssize)(one * size));
    return one * size;
}

/* --- An exchange */

static void set_body(CcbHttpExchange *exchange, const CcbHttpRequest *request)
{
    enum { BUFFER_MIN = 16 << 10 /* of curl */, BUFFER_MAX = 512 << 10 };
    CURL *handle = exchange->handle;
    if (request->text != NULL) {
        exchange->text = g_strdup(request->text);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->text));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, exchange->text);
    } else if (request->size > 0) {
        /* Curl sends a whole buffer, and then nothing until the rate is right again: with a large buffer and a low
         * rate the connection seems to stand still. */
        long buffer = request->bytes_per_s == 0
                          ? BUFFER_MAX
                          : (long)CLAMP(request->bytes_per_s, BUFFER_MIN, BUFFER_MAX);
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->size);
        curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, buffer);
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
        curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
        curl_easy_setopt(handle, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)request->bytes_per_s);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
}

CcbHttpExchange *ccb_http_exchange_new(const CcbHttpRequest *request)
{
    enum { DIRECT_CONNECT_MS = 2000 };
    CcbHttpExchange *exchange = g_new0(CcbHttpExchange, 1);
    exchange->fd = request->fd;
    exchange->offset = request->offset;
    exchange->size = request->size;
    exchange->body = g_string_new(NULL);
    exchange->handle = ccb_http_handle_new(request->url, exchange->message, request->stall_s);
    CURL *handle = exchange->handle;
    curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L); /* as it was signed */
    /* HTTP/2 would send all parts through one connection. */
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (request->direct) {
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)DIRECT_CONNECT_MS);
    }
    for (const char *const *header = request->headers; header && *header; header++)
        exchange->headers = curl_slist_append(exchange->headers, *header);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange->headers);
    set_body(exchange, request);
    return exchange;
}

static void leave_multi(CcbHttpExchange *exchange)
{
    if (exchange->multi != NULL)
        curl_multi_remove_handle(exchange->multi, exchange->handle);
    exchange->multi = NULL;
}

void ccb_http_exchange_free(CcbHttpExchange *exchange)
{
    if (exchange == NULL)
        return;
    leave_multi(exchange);
    curl_easy_cleanup(exchange->handle);
    for (struct curl_slist *header = exchange->headers; header != NULL; header = header->next)
        explicit_bzero(header->data, strlen(header->data));
    curl_slist_free_all(exchange->headers);
    ccb_secret_clear(&exchange->text);
    ccb_secret_free_text(exchange->body);
    g_clear_error(&exchange->error);
    g_free(exchange);
}

const char *ccb_http_exchange_header(const CcbHttpExchange *exchange, const char *name)
{
    return ccb_http_header(exchange->handle, name);
}

gint64 ccb_http_exchange_pause_ms(const CcbHttpExchange *exchange, unsigned first_ms,
                                  unsigned tries)
{
    return ccb_http_pause_ms(exchange->handle, first_ms, tries);
}

/* --- The pool */

CcbHttpPool *ccb_http_pool_new(void)
{
    CcbHttpPool *pool = g_new0(CcbHttpPool, 1);
    pool->multi = ccb_http_multi_new();
    return pool;
}

void ccb_http_pool_free(CcbHttpPool *pool)
{
    if (pool == NULL)
        return;
    curl_multi_cleanup(pool->multi);
    g_free(pool);
}

void ccb_http_pool_add(CcbHttpPool *pool, CcbHttpExchange *exchange)
{
    exchange->multi = pool->multi;
    curl_multi_add_handle(pool->multi, exchange->handle);
}

bool ccb_http_pool_turn(CcbHttpPool *pool, int ms, GError **error)
{
    return ccb_http_turn(pool->multi, ms, error);
}

CcbHttpExchange *ccb_http_pool_take_ended(CcbHttpPool *pool)
{
    int left;
    CURLMsg *message = curl_multi_info_read(pool->multi, &left);
    if (message == NULL)
        return NULL;
    CURLcode code = message->data.result;
    CcbHttpExchange *exchange = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    exchange->status = ccb_http_status(exchange->handle);
    leave_multi(exchange);
    /* A server that refuses may answer, and close the connection, before it has read the body. */
    bool is_refused = code == CURLE_SEND_ERROR && exchange->status >= 400;
    if (code == CURLE_OK || is_refused || exchange->error != NULL)
        return exchange;
    exchange->transient = ccb_http_code_is_transient(code);
    ccb_fail(&exchange->error, CCB_ERR_FETCH, "%s",
             *exchange->message != '\0' ? exchange->message : curl_easy_strerror(code));
    return exchange;
}

void ccb_http_pool_wake(CcbHttpPool *pool)
{
    curl_multi_wakeup(pool->multi);
}

bool ccb_http_pool_run(CcbHttpPool *pool, CcbHttpExchange *exchange, GError **error)
{
    enum { POLL_MS = 250 };
    ccb_http_pool_add(pool, exchange);
    while (ccb_http_pool_take_ended(pool) == NULL)
        if (!ccb_http_pool_turn(pool, POLL_MS, error))
            return false;
    return true;
}
