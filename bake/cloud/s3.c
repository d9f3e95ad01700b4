/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/s3.h"

#include <string.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "cloud/explain.h"

enum { STALL_S = 60 };

static GArray *pairs_new(const CcbPair *list)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    for (; list != NULL && list->name != NULL; list++)
        g_array_append_val(array, *list);
    return array;
}

static void add(GArray *array, const char *name, const char *value)
{
    CcbPair pair = {name, value};
    g_array_append_val(array, pair);
}

static char *request_time(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    return g_date_time_format(now, "%Y%m%dT%H%M%SZ");
}

static char *sign(CcbS3 *s3, const CcbS3Request *request, const char *path, GArray *query,
                  GArray *headers, const char *payload, const char *time)
{
    const CcbCredentials *credentials = s3->credentials;
    CcbSigv4Request signature = {.method = request->method,
                                 .path = path,
                                 .query = query,
                                 .headers = headers,
                                 .payload = payload,
                                 .time = time};
    CcbSigv4Key key = {credentials->id, credentials->secret, s3->target->region, "s3"};
    return ccb_sigv4_authorization(&signature, &key);
}

/* What curl is to send: all that was signed, and the signature.  What curl would add by itself,
 * unsigned, is taken away. */
static GPtrArray *header_lines(const GArray *headers, const char *authorization)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < headers->len; i++) {
        const CcbPair *header = &g_array_index(headers, CcbPair, i);
        if (strcmp(header->name, "host") != 0) /* curl makes the same of the URL */
            g_ptr_array_add(lines, g_strconcat(header->name, ": ", header->value, NULL));
    }
    g_ptr_array_add(lines, g_strconcat("authorization: ", authorization, NULL));
    g_ptr_array_add(lines, g_strdup("Content-Type:"));
    g_ptr_array_add(lines, NULL);
    return lines;
}

static CcbHttpExchange *build(CcbS3 *s3, const CcbS3Request *request)
{
    const CcbTarget *target = s3->target;
    g_autofree char *key = ccb_uri_encode(request->of_bucket ? "" : target->key, "/");
    g_autofree char *path = g_strconcat(target->root, key, NULL);
    g_autofree char *time = request_time();
    g_autofree char *of_text = ccb_digest_string(request->text ? request->text : "");
    const char *payload = request->size > 0 ? request->payload : of_text;
    g_autoptr(GArray) query = pairs_new(request->query);
    g_autoptr(GArray) headers = pairs_new(request->headers);
    add(headers, "host", target->host);
    add(headers, "x-amz-content-sha256", payload);
    add(headers, "x-amz-date", time);
    if (s3->credentials->token != NULL)
        add(headers, "x-amz-security-token", s3->credentials->token);
    g_autofree char *authorization = sign(s3, request, path, query, headers, payload, time);
    g_autoptr(GPtrArray) lines = header_lines(headers, authorization);
    g_autofree char *sorted = ccb_sigv4_query(query);
    g_autofree char *url = g_strconcat(target->origin, path, *sorted ? "?" : "", sorted, NULL);
    CcbHttpRequest http = {.method = request->method,
                           .url = url,
                           .headers = (const char *const *)lines->pdata,
                           .text = request->text,
                           .fd = request->fd,
                           .offset = request->offset,
                           .size = request->size,
                           .bytes_per_s = request->bytes_per_s,
                           .stall_s = request->stall_s ? request->stall_s : STALL_S};
    return ccb_http_exchange_new(&http);
}

/* They are renewed some minutes early: until they expire there will be other requests to ask in. */
static bool renew_in_time(CcbCredentials *credentials, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (!credentials->is_renewable || !ccb_credentials_are_old(credentials) ||
        ccb_credentials_renew(credentials, &reason))
        return true;
    bool in_time = credentials->expires > g_get_real_time() / G_USEC_PER_SEC;
    if (in_time && ccb_exit_code(reason) == CCB_ERR_FETCH)
        return true;
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

CcbHttpExchange *ccb_s3_request(CcbS3 *s3, const CcbS3Request *request, GError **error)
{
    return renew_in_time(s3->credentials, error) ? build(s3, request) : NULL;
}

/* RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".  How far we are ahead of it; 0: not known. */
static gint64 clock_difference(const char *date)
{
    struct tm tm = {0};
    if (date == NULL || strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
        return 0;
    return g_get_real_time() / G_USEC_PER_SEC - timegm(&tm);
}

/* A server may say 200 at once, work on, and say in the body that it came to nothing. */
static bool is_refusal(long status, const CcbXml *xml)
{
    return status < 200 || status > 299 || (xml != NULL && strcmp(xml->root, "Error") == 0);
}

static CcbS3Verdict judge_refusal(CcbS3 *s3, const CcbRefusal *refusal, GError **error)
{
    CcbCredentials *credentials = s3->credentials;
    CcbRefusalKind kind = ccb_refusal_kind(refusal);
    if (kind == CCB_EXPIRED && credentials->is_renewable) {
        credentials->expires = 1; /* the next request renews them */
        kind = CCB_PASSING;
    }
    g_propagate_error(error, ccb_refusal_explain(refusal));
    return kind == CCB_PASSING ? CCB_S3_AGAIN : CCB_S3_REFUSED;
}

static CcbS3Verdict judge_silence(CcbS3 *s3, const CcbHttpExchange *exchange, GError **error)
{
    g_propagate_error(error, g_error_copy(ccb_http_exchange_error(exchange)));
    if (strstr(s3->target->host, "-internal.") != NULL)
        ccb_hint(error, "--internal is for instances in the bucket's region");
    else if (!s3->answered)
        ccb_hint(error, "no server has answered as %s: check --region, --endpoint and the network",
                 s3->target->host);
    return ccb_http_exchange_is_transient(exchange) ? CCB_S3_AGAIN : CCB_S3_REFUSED;
}

CcbS3Verdict ccb_s3_judge(CcbS3 *s3, const CcbHttpExchange *exchange, char **ret_code,
                          GError **error)
{
    if (ret_code != NULL)
        *ret_code = g_strdup("");
    if (ccb_http_exchange_error(exchange) != NULL)
        return judge_silence(s3, exchange, error);
    s3->answered = true;
    const GString *body = ccb_http_exchange_body(exchange);
    g_autoptr(CcbXml) xml = ccb_xml_parse(body->str, body->len, NULL, NULL);
    CcbRefusal refusal = {
        .status = ccb_http_exchange_status(exchange),
        .code = xml != NULL ? ccb_xml_get(xml->fields, "Code") : "",
        .xml = xml,
        .ahead_s = clock_difference(ccb_http_exchange_header(exchange, "Date")),
        .where = s3->credentials->source,
    };
    if (!is_refusal(refusal.status, xml))
        return CCB_S3_DONE;
    if (ret_code != NULL) {
        g_free(*ret_code);
        *ret_code = g_strdup(refusal.code);
    }
    return judge_refusal(s3, &refusal, error);
}

/* What to do about it is for when it was in vain. */
void ccb_s3_announce_retry(const GError *reason, gint64 pause_ms)
{
    g_auto(GStrv) lines = g_strsplit(reason->message, "\nhint: ", 2);
    ccb_progress_line("%s; trying again in %.1f s", lines[0], (double)pause_ms / 1000);
}

static bool pause_for(CcbS3 *s3, gint64 ms, GError **error)
{
    gint64 end = g_get_monotonic_time() + ms * 1000;
    for (gint64 left = ms; left > 0; left = (end - g_get_monotonic_time()) / 1000) {
        if (!ccb_http_pool_turn(s3->pool, (int)MIN(left, 250), error))
            return false;
        ccb_progress_tick();
    }
    return true;
}

/* One try.  NULL with the error, and with *ret_again where another may help. */
static CcbHttpExchange *try_once(CcbS3 *s3, const CcbS3Request *request, unsigned tries,
                                 gint64 *ret_again_ms, char **ret_code, GError **error)
{
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_request(s3, request, error);
    *ret_again_ms = -1;
    if (exchange == NULL || !ccb_http_pool_run(s3->pool, exchange, error))
        return NULL;
    CcbS3Verdict verdict = ccb_s3_judge(s3, exchange, ret_code, error);
    if (verdict == CCB_S3_AGAIN)
        *ret_again_ms = ccb_http_exchange_pause_ms(exchange, CCB_S3_PAUSE_MS, tries);
    return verdict == CCB_S3_DONE ? g_steal_pointer(&exchange) : NULL;
}

CcbHttpExchange *ccb_s3_call(CcbS3 *s3, const CcbS3Request *request, char **ret_code,
                             GError **error)
{
    for (unsigned tries = 1;; tries++) {
        g_autoptr(GError) reason = NULL;
        g_autofree char *code = NULL;
        gint64 again_ms;
        CcbHttpExchange *exchange = try_once(s3, request, tries, &again_ms, &code, &reason);
        if (exchange != NULL)
            return exchange;
        if (again_ms < 0 || tries > (s3->answered ? CCB_S3_RETRIES : CCB_S3_FIRST_RETRIES)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            if (tries > 1)
                g_prefix_error(error, "gave up after try %u: ", tries);
            if (ret_code != NULL)
                *ret_code = g_steal_pointer(&code);
            return NULL;
        }
        ccb_s3_announce_retry(reason, again_ms);
        if (!pause_for(s3, again_ms, error))
            return NULL;
    }
}

char *ccb_s3_etag(const char *header)
{
    if (header != NULL && g_str_has_prefix(header, "W/\""))
        header += strlen("W/");
    size_t size = header != NULL ? strlen(header) : 0;
    bool quoted = size >= 2 && header[0] == '"' && header[size - 1] == '"';
    g_autofree char *etag = quoted ? g_strndup(header + 1, size - 2) : g_strdup(header);
    return etag != NULL ? ccb_name_printable(etag) : NULL;
}
