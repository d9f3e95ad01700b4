/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-parts.h"

#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "cloud/crc64.h"
#include "cloud/object.h"

enum { POLL_MS = 250 };

typedef enum { TODO, DIGESTING, READY, SENDING, DONE } State;

typedef struct {
    unsigned number;       /* from 1 */
    uint64_t offset, size; /* bytes */
    State state;
    CcbPartDigest digest;
    GError *error;             /* why there is no digest */
    char *etag;                /* as the server has said; NULL: it does not have the part */
    bool found;                /* the server has it from an earlier run, as far as we know */
    bool is_md5;               /* DONE: the ETag is the part's MD5 */
    unsigned tries;            /* failed ones */
    gint64 due;                /* READY: monotonic time in microseconds, when to send it */
    CcbHttpExchange *exchange; /* SENDING only */
} Part;

struct CcbParts {
    CcbS3 *s3;
    const CcbSource *source;
    const CcbPartsOptions *options;
    Part *list;
    unsigned n;
    unsigned first;      /* all parts before list[first] are DONE */
    unsigned next;       /* all parts from list[next] on are TODO */
    unsigned n_begun;    /* parts that are neither TODO nor DONE */
    unsigned n_sending;  /* those that are SENDING */
    uint64_t done, sent; /* bytes of parts */
    uint64_t share;      /* bytes a second of each connection; 0: no limit */
    GThreadPool *threads;
    GAsyncQueue *digested; /* of Part *, from the threads */
};

/* In a thread. */
static void digest_part(void *data, void *user_data)
{
    Part *part = data;
    CcbParts *parts = user_data;
    ccb_source_digest(parts->source, part->offset, part->size, &part->digest, &part->error);
    g_async_queue_push(parts->digested, part);
    ccb_http_pool_wake(parts->s3->pool);
}

CcbParts *ccb_parts_new(CcbS3 *s3, const CcbSource *source, const CcbPartsOptions *options)
{
    CcbParts *parts = g_new0(CcbParts, 1);
    parts->s3 = s3;
    parts->source = source;
    parts->options = options;
    parts->n = (unsigned)((source->size + options->part_size - 1) / options->part_size);
    parts->share = options->bytes_per_s / MIN(options->connections, parts->n);
    parts->list = g_new0(Part, parts->n);
    for (unsigned i = 0; i < parts->n; i++) {
        Part *part = &parts->list[i];
        part->number = i + 1;
        part->offset = i * options->part_size;
        part->size = MIN(options->part_size, source->size - part->offset);
    }
    parts->digested = g_async_queue_new();
    int n_threads = (int)MIN(options->connections, g_get_num_processors());
    parts->threads = g_thread_pool_new(digest_part, parts, n_threads, FALSE, NULL);
    return parts;
}

void ccb_parts_free(CcbParts *parts)
{
    if (parts == NULL)
        return;
    g_thread_pool_free(parts->threads, TRUE, TRUE);
    g_async_queue_unref(parts->digested);
    for (unsigned i = 0; i < parts->n; i++) {
        Part *part = &parts->list[i];
        ccb_http_exchange_free(part->exchange);
        g_clear_error(&part->error);
        g_free(part->digest.sha256);
        g_free(part->etag);
    }
    g_free(parts->list);
    g_free(parts);
}

void ccb_parts_found(unsigned number, uint64_t size, const char *etag, void *data)
{
    CcbParts *parts = data;
    Part *part = number <= parts->n ? &parts->list[number - 1] : NULL;
    if (part == NULL || part->found || part->size != size || etag == NULL || *etag == '\0')
        return;
    part->found = true;
    part->etag = g_strdup(etag);
    parts->done += size;
}

uint64_t ccb_parts_found_size(const CcbParts *parts)
{
    return parts->done;
}

/* --- Sending */

/* Whether the server's ETag is right for the part.  `opaque`: ETags tell nothing of the content. */
static bool is_right(Part *part, bool opaque)
{
    g_autofree char *md5 = ccb_hex(part->digest.md5, CCB_MD5_SIZE);
    CcbEtagVerdict verdict = ccb_etag_compare(part->etag, md5);
    part->is_md5 = verdict == CCB_ETAG_SAME;
    return part->etag != NULL && (opaque || verdict != CCB_ETAG_DIFFERS);
}

static void finish(CcbParts *parts, Part *part)
{
    part->state = DONE;
    parts->n_begun--;
    while (parts->first < parts->n && parts->list[parts->first].state == DONE)
        parts->first++;
}

static bool take_digested(CcbParts *parts, GError **error)
{
    for (Part *part; (part = g_async_queue_try_pop(parts->digested)) != NULL;) {
        if (part->error != NULL) {
            g_propagate_error(error, g_steal_pointer(&part->error));
            return false;
        }
        if (!ccb_source_check_unchanged(parts->source, error))
            return false;
        if (part->found && is_right(part, parts->options->opaque_etags)) {
            finish(parts, part);
            continue;
        }
        if (part->found)
            parts->done -= part->size;
        part->found = false;
        part->state = READY;
    }
    return true;
}

static bool send_part(CcbParts *parts, Part *part, GError **error)
{
    const CcbPartsOptions *options = parts->options;
    g_autofree char *number = g_strdup_printf("%u", part->number);
    g_autofree char *md5 = g_base64_encode(part->digest.md5, CCB_MD5_SIZE);
    const CcbPair query[] = {{"partNumber", number}, {"uploadId", options->upload_id}, {0}};
    const CcbPair headers[] = {{"content-md5", md5}, {0}};
    CcbS3Request request = {
        .method = "PUT",
        .query = query,
        .headers = headers,
        .fd = parts->source->fd,
        .offset = part->offset,
        .size = part->size,
        .payload = part->digest.sha256,
        .bytes_per_s = parts->share,
    };
    part->exchange = ccb_s3_request(parts->s3, &request, error);
    if (part->exchange == NULL)
        return false;
    ccb_http_pool_add(parts->s3->pool, part->exchange);
    part->state = SENDING;
    parts->n_sending++;
    return true;
}

/* Sends the parts that are due; *ret_ms: milliseconds in which no other part will be. */
static bool start_sending(CcbParts *parts, int *ret_ms, GError **error)
{
    gint64 now = g_get_monotonic_time();
    *ret_ms = POLL_MS;
    for (unsigned i = parts->first;
         i < parts->next && parts->n_sending < parts->options->connections; i++) {
        Part *part = &parts->list[i];
        if (part->state != READY)
            continue;
        if (part->due > now)
            *ret_ms = (int)MIN(*ret_ms, (part->due - now) / 1000 + 1);
        else if (!send_part(parts, part, error))
            return false;
    }
    return true;
}

/* Takes ownership of the reason. */
static bool retry(CcbParts *parts, Part *part, gint64 pause_ms, GError *reason, GError **error)
{
    /* The server may have refused the part because the file changed after it was digested. */
    if (!ccb_source_check_unchanged(parts->source, error)) {
        g_error_free(reason);
        return false;
    }
    if (part->tries > CCB_S3_RETRIES) {
        g_prefix_error(&reason, "part %u: gave up after try %u: ", part->number, part->tries);
        g_propagate_error(error, reason);
        return false;
    }
    g_prefix_error(&reason, "part %u: ", part->number);
    ccb_s3_announce_retry(reason, pause_ms);
    g_error_free(reason);
    part->due = g_get_monotonic_time() + pause_ms * 1000;
    part->state = READY;
    return true;
}

static bool end_sending(CcbParts *parts, Part *part, GError **error)
{
    g_autoptr(CcbHttpExchange) exchange = g_steal_pointer(&part->exchange);
    GError *reason = NULL;
    CcbS3Verdict verdict = ccb_s3_check(parts->s3, exchange, NULL, &reason);
    parts->n_sending--;
    if (verdict == CCB_S3_REFUSED) {
        g_prefix_error(&reason, "part %u: ", part->number);
        g_propagate_error(error, reason);
        return false;
    }
    if (verdict == CCB_S3_DONE) {
        g_free(part->etag);
        part->etag = ccb_etag_unquote(ccb_http_exchange_header(exchange, "ETag"));
        if (is_right(part, ccb_etag_is_encrypted(exchange))) {
            parts->done += part->size;
            parts->sent += part->size;
            finish(parts, part);
            return true;
        }
        ccb_fail(&reason, CCB_ERR_FETCH, "what the server has is not what was sent (ETag %s)",
                 part->etag ? part->etag : "missing");
        ccb_hint(&reason, "a proxy between may change what is sent: check https_proxy");
    }
    part->tries++;
    gint64 pause_ms = ccb_http_exchange_pause_ms(exchange, CCB_S3_PAUSE_MS, part->tries);
    return retry(parts, part, pause_ms, reason, error);
}

bool ccb_parts_send(CcbParts *parts, GError **error)
{
    CcbHttpPool *pool = parts->s3->pool;
    while (parts->first < parts->n) {
        int ms;
        /* So many are begun that no connection has to wait for its next part. */
        while (parts->next < parts->n && parts->n_begun < 2 * parts->options->connections) {
            Part *part = &parts->list[parts->next++];
            part->state = DIGESTING;
            parts->n_begun++;
            g_thread_pool_push(parts->threads, part, NULL);
        }
        if (!take_digested(parts, error) || !start_sending(parts, &ms, error) ||
            !ccb_http_pool_turn(pool, ms, error))
            return false;
        for (CcbHttpExchange *ended; (ended = ccb_http_pool_take_ended(pool)) != NULL;) {
            unsigned i = parts->first;
            while (i < parts->next && parts->list[i].exchange != ended)
                i++;
            if (i < parts->next && !end_sending(parts, &parts->list[i], error))
                return false;
        }
        uint64_t under_way = 0;
        for (unsigned i = parts->first; i < parts->next; i++)
            if (parts->list[i].exchange != NULL)
                under_way += parts->list[i].exchange->sent;
        ccb_progress_update(parts->done + under_way);
    }
    return true;
}

/* --- When the server has all parts */

uint64_t ccb_parts_sent(const CcbParts *parts)
{
    return parts->sent;
}

char *ccb_parts_xml(const CcbParts *parts)
{
    GString *xml = g_string_new("<CompleteMultipartUpload>");
    for (unsigned i = 0; i < parts->n; i++) {
        g_autofree char *part =
            g_markup_printf_escaped("<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
                                    parts->list[i].number, parts->list[i].etag);
        g_string_append(xml, part);
    }
    g_string_append(xml, "</CompleteMultipartUpload>");
    return g_string_free(xml, FALSE);
}

char *ccb_parts_etag(const CcbParts *parts)
{
    for (unsigned i = 0; i < parts->n; i++)
        if (!parts->list[i].is_md5)
            return NULL;
    CcbDigest *all = ccb_digest_new_md5();
    for (unsigned i = 0; i < parts->n; i++)
        ccb_digest_update(all, parts->list[i].digest.md5, CCB_MD5_SIZE);
    g_autofree char *md5 = ccb_digest_finish(all);
    return g_strdup_printf("%s-%u", md5, parts->n);
}

uint64_t ccb_parts_crc64(const CcbParts *parts)
{
    uint64_t crc = 0;
    for (unsigned i = 0; i < parts->n; i++)
        crc = ccb_crc64_combine(crc, parts->list[i].digest.crc64, parts->list[i].size);
    return crc;
}
