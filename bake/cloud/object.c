/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "cloud/etag.h"
#include "cloud/xml.h"

/* Metadata that is set by the one name may be reported by the other. */
static const char note[] = "x-amz-meta-ccbake-sha256";
static const char note_of_oss[] = "x-oss-meta-ccbake-sha256";

/* Putting together thousands of parts may take a server minutes, in which it says nothing. */
enum { COMPLETE_STALL_S = 900 };

/* --- The object */

void ccb_object_clear(CcbObject *object)
{
    g_clear_pointer(&object->sha256, g_free);
    g_clear_pointer(&object->etag, g_free);
    g_clear_pointer(&object->crc64, g_free);
}

/* Of "bytes 0-1/1234", or where the server sends all. */
static uint64_t object_size(const CcbHttpExchange *exchange)
{
    uint64_t size = 0;
    const char *range = ccb_http_exchange_header(exchange, "Content-Range");
    if (range != NULL && sscanf(range, "bytes %*u-%*u/%" SCNu64, &size) == 1)
        return size;
    return ccb_http_exchange_body(exchange)->len;
}

/* Two bytes: to "0-0" s3rver sends all. */
bool ccb_object_look(CcbS3 *s3, CcbObject *ret, GError **error)
{
    const CcbPair headers[] = {{"range", "bytes=0-1"}, {0}};
    CcbS3Request request = {.method = "GET", .headers = headers};
    g_autofree char *code = NULL;
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, &code, &reason);
    *ret = (CcbObject){0};
    if (exchange == NULL && g_strcmp0(code, "NoSuchKey") == 0)
        return true;
    ret->exists = exchange != NULL || g_strcmp0(code, "InvalidRange") == 0;
    if (exchange == NULL) {
        if (!ret->exists) /* else it is empty */
            g_propagate_error(error, g_steal_pointer(&reason));
        return ret->exists;
    }
    ret->size = object_size(exchange);
    const char *sha256 = ccb_http_exchange_header(exchange, note);
    ret->sha256 = g_strdup(sha256 ? sha256 : ccb_http_exchange_header(exchange, note_of_oss));
    ret->etag = ccb_s3_etag(ccb_http_exchange_header(exchange, "ETag"));
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
    const GString *body = ccb_http_exchange_body(exchange);
    return ccb_xml_parse(body->str, body->len, record, error);
}

char *ccb_object_begin(CcbS3 *s3, const char *sha256, bool *ret_opaque_etags, GError **error)
{
    const CcbPair query[] = {{"uploads", ""}, {0}};
    const CcbPair headers[] = {{"content-type", "application/octet-stream"}, {note, sha256}, {0}};
    CcbS3Request request = {.method = "POST", .query = query, .headers = headers, .text = ""};
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, NULL, error);
    g_autoptr(CcbXml) xml = exchange ? parse(exchange, NULL, error) : NULL;
    if (xml == NULL)
        return NULL;
    const char *id = ccb_xml_get(xml->fields, "UploadId");
    *ret_opaque_etags = ccb_etag_is_encrypted(exchange);
    if (*id == '\0')
        ccb_fail(error, CCB_ERR_FETCH, "the server has begun an upload and not said which");
    return *id != '\0' ? g_strdup(id) : NULL;
}

static bool is_truncated(const CcbXml *xml)
{
    return strcmp(ccb_xml_get(xml->fields, "IsTruncated"), "true") == 0;
}

/* "NoSuchUpload" is an answer rather than an error.  Swift says "NoSuchKey" of one that is being completed. */
static bool forgive_unknown(const char *code, GError **reason, bool *ret_known, GError **error)
{
    *ret_known = g_strcmp0(code, "NoSuchUpload") != 0 && g_strcmp0(code, "NoSuchKey") != 0;
    if (*ret_known)
        g_propagate_error(error, g_steal_pointer(reason));
    return !*ret_known;
}

/* A server that lists no parts takes them all again. */
static bool forgive_unlisted(const char *code)
{
    bool unlisted =
        g_strcmp0(code, "NotImplemented") == 0 || g_strcmp0(code, "MethodNotAllowed") == 0;
    if (unlisted)
        ccb_warn("the server does not list the parts that it has: all are sent again");
    return unlisted;
}

static unsigned report_parts(const CcbXml *xml, CcbPartFunc func, void *data)
{
    unsigned last = 0;
    for (guint i = 0; i < xml->records->len; i++) {
        GHashTable *part = xml->records->pdata[i];
        guint64 number = g_ascii_strtoull(ccb_xml_get(part, "PartNumber"), NULL, 10);
        g_autofree char *etag = ccb_s3_etag(ccb_xml_get(part, "ETag"));
        if (number == 0 || number > CCB_PARTS_MAX)
            continue;
        last = MAX(last, (unsigned)number);
        func((unsigned)number, g_ascii_strtoull(ccb_xml_get(part, "Size"), NULL, 10), etag, data);
    }
    return last;
}

bool ccb_object_list_parts(CcbS3 *s3, const char *upload_id, CcbPartFunc func, void *data,
                           bool *ret_known, GError **error)
{
    unsigned marker = 0;
    *ret_known = true;
    for (;;) {
        g_autofree char *after = g_strdup_printf("%u", marker);
        const CcbPair query[] = {{"part-number-marker", after}, {"uploadId", upload_id}, {0}};
        CcbS3Request request = {.method = "GET", .query = query};
        g_autofree char *code = NULL;
        g_autoptr(GError) reason = NULL;
        g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, &code, &reason);
        if (exchange == NULL)
            return forgive_unlisted(code) || forgive_unknown(code, &reason, ret_known, error);
        g_autoptr(CcbXml) xml = parse(exchange, "Part", error);
        if (xml == NULL)
            return false;
        unsigned last = report_parts(xml, func, data);
        if (!is_truncated(xml) || last <= marker)
            return true;
        marker = last;
    }
}

bool ccb_object_complete(CcbS3 *s3, const char *upload_id, const char *parts, bool *ret_known,
                         GError **error)
{
    const CcbPair query[] = {{"uploadId", upload_id}, {0}};
    const CcbPair headers[] = {{"content-type", "application/xml"}, {0}};
    CcbS3Request request = {.method = "POST",
                            .query = query,
                            .headers = headers,
                            .text = parts,
                            .stall_s = COMPLETE_STALL_S};
    g_autofree char *code = NULL;
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, &code, &reason);
    *ret_known = true;
    return exchange != NULL || forgive_unknown(code, &reason, ret_known, error);
}

bool ccb_object_abort(CcbS3 *s3, const char *upload_id, GError **error)
{
    const CcbPair query[] = {{"uploadId", upload_id}, {0}};
    CcbS3Request request = {.method = "DELETE", .query = query};
    g_autofree char *code = NULL;
    g_autoptr(GError) reason = NULL;
    bool known;
    g_autoptr(CcbHttpExchange) exchange = ccb_s3_call(s3, &request, &code, &reason);
    return exchange != NULL || forgive_unknown(code, &reason, &known, error);
}

/* --- Those that nobody has completed */

static void unfinished_free(void *data)
{
    CcbUnfinished *unfinished = data;
    g_free(unfinished->key);
    g_free(unfinished->upload_id);
    g_free(unfinished);
}

/* Asked for encoded: XML has no way to write every name.  Some servers write a space as "+"; a plus
 * is always "%2B". */
static char *decode(const char *name)
{
    g_auto(GStrv) words = g_strsplit(name, "+", -1);
    g_autofree char *escaped = g_strjoinv("%20", words);
    char *decoded = g_uri_unescape_string(escaped, NULL);
    return decoded != NULL ? decoded : g_strdup(name);
}

static void take_unfinished(const CcbXml *xml, GPtrArray *list)
{
    for (guint i = 0; i < xml->records->len; i++) {
        GHashTable *record = xml->records->pdata[i];
        const char *begun = ccb_xml_get(record, "Initiated");
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(begun, NULL);
        CcbUnfinished *unfinished = g_new0(CcbUnfinished, 1);
        unfinished->key = decode(ccb_xml_get(record, "Key"));
        unfinished->upload_id = g_strdup(ccb_xml_get(record, "UploadId"));
        unfinished->begun = time != NULL ? g_date_time_to_unix(time) : 0;
        g_ptr_array_add(list, unfinished);
    }
}

/* A server that does not know the question may list objects instead: that is not "none". */
static bool check_is_list(const CcbXml *xml, GError **error)
{
    return strcmp(xml->root, "ListMultipartUploadsResult") == 0 ||
           ccb_fail(error, CCB_ERR_FETCH, "the server does not list unfinished uploads");
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
        if (xml == NULL || !check_is_list(xml, error))
            return NULL;
        take_unfinished(xml, list);
        if (!is_truncated(xml) || xml->records->len == 0)
            return g_steal_pointer(&list);
        g_free(key);
        g_free(id);
        key = decode(ccb_xml_get(xml->fields, "NextKeyMarker"));
        id = g_strdup(ccb_xml_get(xml->fields, "NextUploadIdMarker"));
    }
}
