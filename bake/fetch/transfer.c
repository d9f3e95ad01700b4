/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/transfer.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "http/handle.h"

enum { MAX_REDIRECTS = 10 };

struct CcbTransfer {
    CcbTransferRequest request;
    CURL *easy;
    struct curl_slist *headers;
    char message[CURL_ERROR_SIZE];
    uint64_t offset;          /* where we asked the server to go on; 0: from the beginning */
    uint64_t total;           /* bytes of the whole file as far as known, or 0 */
    bool accepted;            /* the response's headers were looked at and found good */
    bool resumed;             /* ... and it continues the bytes we had */
    CcbTransferResult result; /* with `error`: what a callback decided before it stopped curl */
    GError *error;
};

/* RFC 9110, 13.1.5: a weak ETag doesn't promise equal bytes. */
static const char *response_validator(CcbTransfer *transfer)
{
    const char *etag = ccb_http_header(transfer->easy, "ETag");
    if (etag != NULL && etag[0] == '"')
        return etag;
    return ccb_http_header(transfer->easy, "Last-Modified");
}

static bool refuse(CcbTransfer *transfer, CcbTransferResult result, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static bool refuse(CcbTransfer *transfer, CcbTransferResult result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    transfer->result = result;
    return ccb_fail(&transfer->error, CCB_ERR_FETCH, "%s", message);
}

static bool accept_total(CcbTransfer *transfer, uint64_t total)
{
    uint64_t expected = transfer->request.size;
    if (total != 0 && expected != 0 && total != expected)
        return refuse(transfer, CCB_TRANSFER_REFUSED,
                      "wrong size: the server offers %" PRIu64 " bytes, expected %" PRIu64, total,
                      expected);
    transfer->total = expected != 0 ? expected : total;
    return true;
}

/* "bytes 100-199/200", or "bytes 100-199/" and an asterisk where the server doesn't know the total.
 */
static bool accept_rest(CcbTransfer *transfer)
{
    const char *range = ccb_http_header(transfer->easy, "Content-Range");
    uint64_t start = 0, end = 0, total = 0;
    if (range == NULL ||
        sscanf(range, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &start, &end, &total) < 2 ||
        start != transfer->offset || (total != 0 && total <= start)) {
        ccb_partial_discard(transfer->request.partial, NULL);
        return refuse(transfer, CCB_TRANSFER_RETRY, "the server sent another range than asked for");
    }
    transfer->resumed = true;
    return accept_total(transfer, total);
}

static bool accept_whole(CcbTransfer *transfer)
{
    CcbPartial *partial = transfer->request.partial;
    curl_off_t length = -1;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (!accept_total(transfer, length > 0 ? (uint64_t)length : 0))
        return false;
    return ccb_partial_restart(partial, transfer->request.url, response_validator(transfer),
                               &transfer->error);
}

/* Everything that can be known before the first byte of the body. */
static bool accept_response(CcbTransfer *transfer)
{
    const CcbPartial *partial = transfer->request.partial;
    long status = ccb_transfer_status(transfer);
    if (status != 200 && (status != 206 || transfer->offset == 0))
        return refuse(transfer, CCB_TRANSFER_REFUSED, "unexpected answer: HTTP %ld", status);
    if (!(status == 206 ? accept_rest(transfer) : accept_whole(transfer)))
        return false;
    uint64_t missing = transfer->total > partial->size ? transfer->total - partial->size : 0;
    transfer->accepted = ccb_store_check_space(partial->store, missing, &transfer->error);
    return transfer->accepted;
}

static size_t on_body(char *data, G_GNUC_UNUSED size_t one, size_t size, void *user_data)
{
    CcbTransfer *transfer = user_data;
    CcbPartial *partial = transfer->request.partial;
    if (!transfer->accepted && !accept_response(transfer))
        return 0;
    if (transfer->total != 0 && partial->size + size > transfer->total) {
        ccb_partial_discard(partial, NULL);
        refuse(transfer, CCB_TRANSFER_REFUSED,
               "wrong size: the server sends more than the expected %" PRIu64 " bytes",
               transfer->total);
        return 0;
    }
    return ccb_partial_append(partial, data, size, &transfer->error) ? size : 0;
}

static void set_resume(CcbTransfer *transfer)
{
    const CcbTransferRequest *request = &transfer->request;
    const CcbPartial *partial = request->partial;
    bool same_url = ccb_partial_is_from(partial, request->url);
    const char *validator = same_url ? partial->validator : NULL;
    /* With a pinned digest other mirrors, and servers that give no validator, may continue the
     * bytes, too. */
    if (partial->size == 0 || !(request->pinned || validator != NULL))
        return;
    transfer->offset = partial->size;
    /* Not CURLOPT_RESUME_FROM: curl would take a server that ignores Range for a failure. */
    g_autofree char *range = g_strdup_printf("%" PRIu64 "-", transfer->offset);
    curl_easy_setopt(transfer->easy, CURLOPT_RANGE, range);
    if (validator == NULL)
        return;
    g_autofree char *header = g_strconcat("If-Range: ", validator, NULL);
    transfer->headers = curl_slist_append(NULL, header);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_redirects(CcbTransfer *transfer)
{
    const CcbTransferRequest *request = &transfer->request;
    bool secure = g_ascii_strncasecmp(request->url, "https:", 6) == 0;
    /* Bytes that no digest judges must not lose the protection that the URL asked for. */
    curl_easy_setopt(transfer->easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     secure && !request->pinned ? "https" : "http,https");
    curl_easy_setopt(transfer->easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
}

CcbTransfer *ccb_transfer_new(const CcbTransferRequest *request)
{
    CcbTransfer *transfer = g_new0(CcbTransfer, 1);
    transfer->request = *request;
    transfer->result = CCB_TRANSFER_BROKEN;
    transfer->easy = ccb_http_handle_new(request->url, transfer->message, request->stall_s);
    curl_easy_setopt(transfer->easy, CURLOPT_REFERER, request->referer);
    curl_easy_setopt(transfer->easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    set_redirects(transfer);
    set_resume(transfer);
    return transfer;
}

void ccb_transfer_free(CcbTransfer *transfer)
{
    if (transfer == NULL)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    g_clear_error(&transfer->error);
    g_free(transfer);
}

CURL *ccb_transfer_handle(CcbTransfer *transfer)
{
    return transfer->easy;
}

static CcbTransferResult judge_status(CcbTransfer *transfer, GError **error)
{
    long status = ccb_transfer_status(transfer);
    ccb_fail(error, CCB_ERR_FETCH, "HTTP %ld", status);
    if (status == 416 && transfer->offset > 0) /* what we have is no beginning of what they have */
        return ccb_partial_discard(transfer->request.partial, NULL) ? CCB_TRANSFER_RETRY
                                                                    : CCB_TRANSFER_REFUSED;
    return ccb_http_status_is_transient(status) ? CCB_TRANSFER_RETRY : CCB_TRANSFER_REFUSED;
}

static CcbTransferResult judge_code(CcbTransfer *transfer, CURLcode code, GError **error)
{
    const char *message = transfer->message;
    ccb_fail(error, CCB_ERR_FETCH, "%s", *message ? message : curl_easy_strerror(code));
    return ccb_http_code_is_transient(code) ? CCB_TRANSFER_RETRY : CCB_TRANSFER_REFUSED;
}

CcbTransferResult ccb_transfer_finish(CcbTransfer *transfer, CURLcode code, GError **error)
{
    const CcbPartial *partial = transfer->request.partial;
    if (code == CURLE_OK && !transfer->accepted)
        accept_response(transfer); /* there was no body */
    if (transfer->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&transfer->error));
        return transfer->result;
    }
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return judge_status(transfer, error);
    if (code != CURLE_OK)
        return judge_code(transfer, code, error);
    if (partial->size >= transfer->total)
        return CCB_TRANSFER_DONE;
    ccb_fail(error, CCB_ERR_FETCH, "the answer ended after %" PRIu64 " of %" PRIu64 " bytes",
             partial->size, transfer->total);
    return CCB_TRANSFER_RETRY;
}

bool ccb_transfer_resumed(const CcbTransfer *transfer)
{
    return transfer->resumed;
}

long ccb_transfer_status(const CcbTransfer *transfer)
{
    return ccb_http_status(transfer->easy);
}
