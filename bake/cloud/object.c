/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "cloud/xml.h"

/* OSS may report metadata by its own name even if it was set by the other. */
static const char metadata[] = "x-amz-meta-ccbake-sha256";
static const char metadata_of_oss[] = "x-oss-meta-ccbake-sha256";

/* --- ETags */

CcbEtagVerdict ccb_etag_compare(const char *etag, const char *expected)
{
    enum { MD5_HEX = 32 };
    if (etag == NULL || strspn(etag, G_CSET_DIGITS "abcdefABCDEF") < MD5_HEX ||
        strcmp(etag + MD5_HEX, expected + MD5_HEX) != 0)
        return CCB_ETAG_OPAQUE;
    return g_ascii_strcasecmp(etag, expected) == 0 ? CCB_ETAG_SAME : CCB_ETAG_DIFFERS;
}

bool ccb_etag_is_encrypted(const CcbHttpExchange *exchange)
{
    const char *s3 = ccb_http_exchange_header(exchange, "x-amz-server-side-encryption");
    const char *oss = ccb_http_exchange_header(exchange, "x-oss-server-side-encryption");
    return (s3 != NULL && strcmp(s3, "AES256") != 0) || (oss != NULL && strcmp(oss, "AES256") != 0);
}

char *ccb_etag_unquote(const char *header)
{
    if (header == NULL)
        return NULL;
    if (g_str_has_prefix(header, "W/\""))
        header += strlen("W/");
    size_t size = strlen(header);
    bool quoted = size >= 2 && header[0] == '"' && header[size - 1] == '"';
    g_autofree char *etag = quoted ? g_strndup(header + 1, size - 2) : g_strdup(header);
    return ccb_name_printable(etag);
}

/* --- The object */

void ccb_object_clear(CcbObject *object)
{
    g_clear_pointer(&object->sha256, g_free);
    g_clear_pointer(&object->etag, g_free);
    g_clear_pointer(&object->crc64, g_free);
}

bool ccb_object_look(CcbS3 *s3, CcbObject *ret, GError **error)
{
    /* Two bytes: asked for "0-0", s3rver sends everything. */
    const CcbPair headers[] = {{"range", "bytes=0-1"}, {0}};
    CcbS3Request request = {.method = "GET", .headers = headers};
    g_autofree char *code = NULL;
    GError *reason = NULL;
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, &code, &reason);
    *ret = (CcbObject){0};
    if (exchange == NULL) {
        ret->exists = g_strcmp0(code, "InvalidRange") == 0; /* an empty object */
        if (ret->exists || g_strcmp0(code, "NoSuchKey") == 0) {
            g_error_free(reason);
            return true;
        }
        g_propagate_error(error, reason);
        return false;
    }
    ret->exists = true;
    const char *range = ccb_http_exchange_header(exchange, "Content-Range");
    if (range == NULL || sscanf(range, "bytes %*u-%*u/%" SCNu64, &ret->size) != 1)
        ret->size = exchange->body->len; /* the server has sent all of it */
    const char *sha256 = ccb_http_exchange_header(exchange, metadata);
    ret->sha256 = g_strdup(sha256 ? sha256 : ccb_http_exchange_header(exchange, metadata_of_oss));
    ret->etag = ccb_etag_unquote(ccb_http_exchange_header(exchange, "ETag"));
    const char *crc64 = ccb_http_exchange_header(exchange, "x-oss-hash-crc64ecma");
    ret->crc64 = crc64 ? ccb_name_printable(crc64) : NULL;
    ret->of_oss = s3->target->is_oss ||
                  g_strcmp0(ccb_http_exchange_header(exchange, "Server"), "AliyunOSS") == 0;
    return true;
}

bool ccb_object_delete(CcbS3 *s3, GError **error)
{
    CcbS3Request request = {.method = "DELETE"};
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, NULL, error);
    return exchange != NULL;
}

/* --- The upload */

static CcbXml *parse(const CcbHttpExchange *exchange, const char *record, GError **error)
{
    const GString *body = exchange->body;
    return ccb_xml_parse(body->str, body->len, record, error);
}

/* Sends a request for an upload.  *ret_known is false, without an error, if the server does not know it.
 * *ret_code: as for ccb_s3_call(). */
static CcbHttpExchange *call(CcbS3 *s3, const CcbS3Request *request, char **ret_code,
                             bool *ret_known, GError **error)
{
    GError *reason = NULL;
    CcbHttpExchange *exchange = ccb_s3_call(s3, request, ret_code, &reason);
    /* Swift says "NoSuchKey" of an upload that is being completed. */
    *ret_known = exchange != NULL || (g_strcmp0(*ret_code, "NoSuchUpload") != 0 &&
                                      g_strcmp0(*ret_code, "NoSuchKey") != 0);
    if (*ret_known && reason != NULL)
        g_propagate_error(error, reason);
    else
        g_clear_error(&reason);
    return exchange;
}

char *ccb_object_begin(CcbS3 *s3, const char *sha256, bool *ret_opaque_etags, GError **error)
{
    const CcbPair query[] = {{"uploads", ""}, {0}};
    const CcbPair headers[] = {
        {"content-type", "application/octet-stream"}, {metadata, sha256}, {0}};
    CcbS3Request request = {.method = "POST", .query = query, .headers = headers, .text = ""};
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, NULL, error);
    g_autoptr(CcbXml) xml = exchange ? parse(exchange, NULL, error) : NULL;
    if (xml == NULL)
        return NULL;
    const char *id = ccb_xml_get(xml->fields, "UploadId");
    *ret_opaque_etags = ccb_etag_is_encrypted(exchange);
    if (*id != '\0')
        return g_strdup(id);
    ccb_fail(error, CCB_ERR_FETCH, "the server has begun an upload and not said which");
    return NULL;
}

static bool is_truncated(const CcbXml *xml)
{
    return strcmp(ccb_xml_get(xml->fields, "IsTruncated"), "true") == 0;
}

bool ccb_object_list_parts(CcbS3 *s3, const char *upload_id, CcbPartFunc func, void *data,
                           bool *ret_known, GError **error)
{
    for (guint64 marker = 0;;) {
        g_autofree char *after = g_strdup_printf("%" G_GUINT64_FORMAT, marker);
        const CcbPair query[] = {{"part-number-marker", after}, {"uploadId", upload_id}, {0}};
        CcbS3Request request = {.method = "GET", .query = query};
        g_autofree char *code = NULL;
        GError *reason = NULL;
        g_autoptr(CcbHttpExchange) exchange = call(s3, &request, &code, ret_known, &reason);
        if (g_strcmp0(code, "NotImplemented") == 0 || g_strcmp0(code, "MethodNotAllowed") == 0) {
            ccb_warn("the server does not list the parts that it has: all are sent again");
            g_clear_error(&reason);
            return true;
        }
        g_autoptr(CcbXml) xml = exchange != NULL ? parse(exchange, "Part", &reason) : NULL;
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return false;
        }
        guint64 last = 0;
        for (guint i = 0; xml != NULL && i < xml->records->len; i++) {
            GHashTable *part = xml->records->pdata[i];
            guint64 number = g_ascii_strtoull(ccb_xml_get(part, "PartNumber"), NULL, 10);
            guint64 size = g_ascii_strtoull(ccb_xml_get(part, "Size"), NULL, 10);
            g_autofree char *etag = ccb_etag_unquote(ccb_xml_get(part, "ETag"));
            if (number == 0 || number > CCB_PARTS_MAX)
                continue;
            last = MAX(last, number);
            func((unsigned)number, size, etag, data);
        }
        if (xml == NULL || !is_truncated(xml) || last <= marker)
            return true;
        marker = last;
    }
}

bool ccb_object_complete(CcbS3 *s3, const char *upload_id, const char *parts, GError **error)
{
    enum {
        STALL_S = 900
    }; /* a server may work for minutes on thousands of parts, and say nothing */
    const CcbPair query[] = {{"uploadId", upload_id}, {0}};
    const CcbPair headers[] = {{"content-type", "application/xml"}, {0}};
    CcbS3Request request = {
        .method = "POST", .query = query, .headers = headers, .text = parts, .stall_s = STALL_S};
    bool known;
    g_autofree char *code = NULL;
    g_autoptr(CcbHttpExchange) exchange = call(s3, &request, &code, &known, error);
    return exchange != NULL || !known;
}

bool ccb_object_abort(CcbS3 *s3, const char *upload_id, GError **error)
{
    const CcbPair query[] = {{"uploadId", upload_id}, {0}};
    CcbS3Request request = {.method = "DELETE", .query = query};
    bool known;
    g_autofree char *code = NULL;
    g_autoptr(CcbHttpExchange) exchange = call(s3, &request, &code, &known, error);
    return exchange != NULL || !known;
}

/* --- Unfinished uploads */

static void unfinished_free(void *data)
{
    CcbUnfinished *unfinished = data;
    g_free(unfinished->key);
    g_free(unfinished->upload_id);
    g_free(unfinished);
}

/* Names are requested percent-encoded, because XML can't express every name.  Some servers write a space
 * as "+"; a plus is always "%2B". */
static char *decode(const char *name)
{
    g_auto(GStrv) words = g_strsplit(name, "+", -1);
    g_autofree char *escaped = g_strjoinv("%20", words);
    char *decoded = g_uri_unescape_string(escaped, NULL);
    return decoded != NULL ? decoded : g_strdup(name);
}

GPtrArray *ccb_object_list_unfinished(CcbS3 *s3, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(unfinished_free);
    g_autofree char *key = g_strdup(""), *id = g_strdup("");
    for (;;) {
        const CcbPair query[] = {
            {"uploads", ""},     {"encoding-type", "url"}, {"prefix", s3->target->key},
            {"key-marker", key}, {"upload-id-marker", id}, {0}};
        CcbS3Request request = {.method = "GET", .of_bucket = true, .query = query};
        g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, NULL, error);
        g_autoptr(CcbXml) xml = exchange ? parse(exchange, "Upload", error) : NULL;
        if (xml == NULL)
            return NULL;
        /* A server that does not know this request may list objects instead. */
        if (strcmp(xml->root, "ListMultipartUploadsResult") != 0) {
            ccb_fail(error, CCB_ERR_FETCH, "the server does not list unfinished uploads");
            return NULL;
        }
        for (guint i = 0; i < xml->records->len; i++) {
            GHashTable *record = xml->records->pdata[i];
            CcbUnfinished *unfinished = g_new0(CcbUnfinished, 1);
            unfinished->key = decode(ccb_xml_get(record, "Key"));
            unfinished->upload_id = g_strdup(ccb_xml_get(record, "UploadId"));
            unfinished->begun = ccb_credentials_parse_time(ccb_xml_get(record, "Initiated"));
            g_ptr_array_add(list, unfinished);
        }
        if (!is_truncated(xml) || xml->records->len == 0)
            return g_steal_pointer(&list);
        g_free(key);
        g_free(id);
        key = decode(ccb_xml_get(xml->fields, "NextKeyMarker"));
        id = g_strdup(ccb_xml_get(xml->fields, "NextUploadIdMarker"));
    }
}
