/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/s3.h"

#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "cloud/explain.h"

/* --- A request */

static GArray *copy_pairs(const CcbPair *list)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    for (; list != NULL && list->name != NULL; list++)
        g_array_append_val(array, *list);
    return array;
}

/* What curl is to send: all that was signed, and the signature. */
static GPtrArray *header_lines(const GArray *headers, const char *authorization)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < headers->len; i++) {
        const CcbPair *header = &g_array_index(headers, CcbPair, i);
        if (strcmp(header->name, "host") != 0) /* curl makes the same of the URL */
            g_ptr_array_add(lines, g_strconcat(header->name, ": ", header->value, NULL));
    }
    g_ptr_array_add(lines, g_strconcat("authorization: ", authorization, NULL));
    g_ptr_array_add(lines,
                    g_strdup("Content-Type:")); /* not the one that curl would add, unsigned */
    g_ptr_array_add(lines, NULL);
    return lines;
}

CcbHttpExchange *ccb_s3_request(CcbS3 *s3, const CcbS3Request *request, GError **error)
{
    enum { STALL_S = 60 };
    const CcbTarget *target = s3->target;
    const CcbCredentials *credentials = s3->credentials;
    if (!ccb_credentials_renew_in_time(s3->credentials, error))
        return NULL;
    g_autofree char *key = g_uri_escape_string(request->of_bucket ? "" : target->key, "/", FALSE);
    g_autofree char *path = g_strconcat(target->root, key, NULL);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    g_autofree char *of_text = ccb_digest_string(request->text ? request->text : "");
    const char *payload = request->size > 0 ? request->payload : of_text;
    const CcbPair own[] = {{"host", target->host},
                           {"x-amz-content-sha256", payload},
                           {"x-amz-date", time},
                           {"x-amz-security-token", credentials->token}};
    g_autoptr(GArray) query = copy_pairs(request->query);
    g_autoptr(GArray) headers = copy_pairs(request->headers);
    g_array_append_vals(headers, own, G_N_ELEMENTS(own) - (credentials->token == NULL));

    CcbSigv4Request to_sign = {.method = request->method,
                               .path = path,
                               .query = query,
                               .headers = headers,
                               .payload = payload,
                               .time = time};
    CcbSigv4Key signer = {credentials->id, credentials->secret, target->region, "s3"};
    g_autofree char *authorization = ccb_sigv4_authorization(&to_sign, &signer);
    g_autoptr(GPtrArray) lines = header_lines(headers, authorization);
    g_autofree char *encoded = ccb_sigv4_query(query);
    g_autofree char *url = g_strconcat(target->origin, path, *encoded ? "?" : "", encoded, NULL);
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

/* --- Its answer */

/* How many seconds this host's clock is ahead of `date`, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110,
 * 5.6.7); 0: unknown. */
static gint64 clock_difference(const char *date)
{
    struct tm tm = {0};
    if (date == NULL || strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
        return 0;
    return g_get_real_time() / G_USEC_PER_SEC - timegm(&tm);
}

static CcbS3Verdict refuse_silence(CcbS3 *s3, const CcbHttpExchange *exchange, GError **error)
{
    g_propagate_error(error, g_error_copy(exchange->error));
    if (strstr(s3->target->host, "-internal.") != NULL)
        ccb_hint(error, "--internal is for instances in the bucket's region");
    else if (!s3->answered)
        ccb_hint(error, "no server has answered as %s: check --region, --endpoint and the network",
                 s3->target->host);
    return exchange->transient ? CCB_S3_AGAIN : CCB_S3_REFUSED;
}

CcbS3Verdict ccb_s3_check(CcbS3 *s3, const CcbHttpExchange *exchange, char **ret_code,
                          GError **error)
{
    if (exchange->error != NULL)
        return refuse_silence(s3, exchange, error);
    s3->answered = true;
    const GString *body = exchange->body;
    g_autoptr(CcbXml) xml = ccb_xml_parse(body->str, body->len, NULL, NULL);
    CcbRefusal refusal = {
        .status = exchange->status,
        .code = xml != NULL ? ccb_xml_get(xml->fields, "Code") : "",
        .xml = xml,
        .ahead_s = clock_difference(ccb_http_exchange_header(exchange, "Date")),
        .where = s3->credentials->source,
    };
    /* A server may say 200 at once, go on working, and report in the body that it failed. */
    bool is_error = xml != NULL && strcmp(xml->root, "Error") == 0;
    if (refusal.status >= 200 && refusal.status <= 299 && !is_error)
        return CCB_S3_DONE;
    if (ret_code != NULL)
        *ret_code = g_strdup(refusal.code);
    CcbRefusalKind kind = ccb_refusal_kind(&refusal);
    if (kind == CCB_EXPIRED && s3->credentials->is_renewable) {
        s3->credentials->expires = 1; /* the next request renews them */
        kind = CCB_PASSING;
    }
    g_propagate_error(error, ccb_refusal_explain(&refusal));
    return kind == CCB_PASSING ? CCB_S3_AGAIN : CCB_S3_REFUSED;
}

void ccb_s3_announce_retry(const GError *reason, gint64 pause_ms)
{
    g_auto(GStrv) lines =
        g_strsplit(reason->message, "\nhint: ", 2); /* hints are for the last try */
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

CcbHttpExchange *ccb_s3_call(CcbS3 *s3, const CcbS3Request *request, char **ret_code,
                             GError **error)
{
    for (unsigned tries = 1;; tries++) {
        g_autofree char *code = NULL;
        g_autoptr(GError) reason = NULL;
        g_autoptr(CcbHttpExchange) exchange = ccb_s3_request(s3, request, &reason);
        CcbS3Verdict verdict = CCB_S3_REFUSED;
        if (exchange != NULL && ccb_http_pool_run(s3->pool, exchange, &reason))
            verdict = ccb_s3_check(s3, exchange, &code, &reason);
        if (verdict == CCB_S3_DONE)
            return g_steal_pointer(&exchange);
        unsigned retries = s3->answered ? CCB_S3_RETRIES : CCB_S3_FIRST_RETRIES;
        if (verdict == CCB_S3_REFUSED || tries > retries) {
            g_propagate_error(error, g_steal_pointer(&reason));
            if (tries > 1)
                g_prefix_error(error, "gave up after try %u: ", tries);
            if (ret_code != NULL)
                *ret_code = g_steal_pointer(&code);
            return NULL;
        }
        gint64 pause_ms = ccb_http_exchange_pause_ms(exchange, CCB_S3_PAUSE_MS, tries);
        ccb_s3_announce_retry(reason, pause_ms);
        if (!pause_for(s3, pause_ms, error))
            return NULL;
    }
}
