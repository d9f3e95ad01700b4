/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of an upload is pure: places, a server's XML, the words for its errors. */
#include "base/error.h"
#include "cloud/explain.h"
#include "cloud/object.h"
#include "cloud/target.h"
#include "cloud/xml.h"

#include "tap.h"

/* --- Places */

static void is_place(const char *url, const char *name, CcbTargetPlace place, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CcbTarget) target = ccb_target_parse(url, name, &place, &error);
    g_autofree char *got = target == NULL
                               ? g_strdup(error->message)
                               : g_strdup_printf("%s%s%s @%s", target->origin, target->root,
                                                 target->key, target->region);
    is_str(got, expected, url);
}

static void places(void)
{
    const CcbTargetPlace oss = {.region = "cn-beijing"};
    is_place("oss://images/a.qcow2", "i", oss,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/a.qcow2 @cn-beijing");
    is_place("oss://images", "i", oss,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/i @cn-beijing");
    is_place("oss://images/a/", "i", oss,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/a/i @cn-beijing");
    is_place("oss://images/", NULL, oss,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/ @cn-beijing");
    is_place("oss://images/a", "i", (CcbTargetPlace){.region = "oss-cn-beijing", .internal = true},
             "https://images.s3.oss-cn-beijing-internal.aliyuncs.com/a @cn-beijing");
    is_place("oss://images/a", "i", (CcbTargetPlace){.fallback = "cn-x"},
             "https://images.s3.oss-cn-x.aliyuncs.com/a @cn-x");
    is_place("oss://images/a", "i",
             (CcbTargetPlace){.fallback = "cn-x",
                              .endpoint = "s3.oss-cn-hangzhou-internal.aliyuncs.com"},
             "https://images.s3.oss-cn-hangzhou-internal.aliyuncs.com/a @cn-hangzhou");
    is_place("oss://images/a", "i",
             (CcbTargetPlace){.region = "r", .endpoint = "https://minio.example.com:443/"},
             "https://images.minio.example.com/a @r");
    is_place("oss://images/a", "i",
             (CcbTargetPlace){.region = "r", .endpoint = "http://[::1]:9000"},
             "http://[::1]:9000/images/a @r");
    is_place("oss://images/a", "i", (CcbTargetPlace){.region = "a.b/c"},
             "\"a.b/c\" is not the name of a region");
    is_place("oss://images/\xff", "i", oss, "the object's name is not UTF-8");
    is_place("oss://images/a/", "\xff", oss, "the object's name is not UTF-8");
    is_place("oss://images", "a\nb", oss, "the object's name must not have a line end in it");
}

static void addressing(void)
{
    static const char endpoint[] = "https://s3.example.com:8443";
    CcbTargetPlace place = {.region = "r", .endpoint = endpoint};
    is_place("oss://images/a", "i", place, "https://images.s3.example.com:8443/a @r");
    place.addressing = CCB_ADDRESSING_VIRTUAL;
    is_place("oss://images/a", "i", place, "https://images.s3.example.com:8443/a @r");
    place.addressing = CCB_ADDRESSING_PATH;
    is_place("oss://images/a", "i", place, "https://s3.example.com:8443/images/a @r");
    is_place("oss://images/", NULL, place, "https://s3.example.com:8443/images/ @r");
    place.addressing = CCB_ADDRESSING_CNAME;
    is_place("oss://images/a", "i", place, "https://s3.example.com:8443/a @r");
    place.endpoint = "http://192.0.2.1";
    is_place("oss://images/a", "i", place, "http://192.0.2.1/a @r");
    place.addressing = CCB_ADDRESSING_PATH;
    is_place("oss://images/a", "i", place, "http://192.0.2.1/images/a @r");
    place.addressing = CCB_ADDRESSING_VIRTUAL;
    is_place("oss://images/a", "i", place,
             "--addressing=virtual: 192.0.2.1 is an IP address, which has no place for the bucket\n"
             "hint: name the endpoint by its host name, or say --addressing=path");
    is_place("oss://images/a", "i",
             (CcbTargetPlace){.region = "r", .addressing = CCB_ADDRESSING_VIRTUAL},
             "https://images.s3.oss-r.aliyuncs.com/a @r");
    for (CcbAddressing no = CCB_ADDRESSING_PATH; no <= CCB_ADDRESSING_CNAME; no++) {
        g_autoptr(GError) error = NULL;
        CcbTargetPlace of_oss = {.region = "r", .addressing = no};
        ok(ccb_target_parse("oss://images/a", "i", &of_oss, &error) == NULL, "not with OSS's own");
        is_error(&error, "--addressing=path or cname is for an --endpoint", "and it says so");
    }
}

/* An endpoint may have the bucket in it already. */
static void endpoints_with_the_bucket(void)
{
    CcbTargetPlace bare = {.fallback = "other",
                           .endpoint = "https://s3.oss-cn-beijing.aliyuncs.com/"};
    is_place("oss://images/a", "i", bare,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/a @cn-beijing");
    bare.endpoint = "https://s3.oss-cn-beijing.aliyuncs.com:443";
    is_place("oss://images/a", "i", bare,
             "https://images.s3.oss-cn-beijing.aliyuncs.com/a @cn-beijing");
    ok(!ccb_target_is_oss("https://x.aliyuncs.com.example.org"), "the end of the host counts");
    CcbTargetPlace place = {.endpoint = "images.s3.oss-cn-beijing-internal.aliyuncs.com"};
    is_place("oss://images/a", "i", place,
             "https://images.s3.oss-cn-beijing-internal.aliyuncs.com/a @cn-beijing");
    place.addressing = CCB_ADDRESSING_VIRTUAL;
    is_place("oss://images/a", "i", place,
             "https://images.s3.oss-cn-beijing-internal.aliyuncs.com/a @cn-beijing");
    is_place("oss://image/a", "i", place,
             "https://image.images.s3.oss-cn-beijing-internal.aliyuncs.com/a @cn-beijing");
    place = (CcbTargetPlace){.endpoint = "https://my-oss-x.s3.oss-cn-beijing.aliyuncs.com"};
    is_place("oss://my-oss-x/a", "i", place,
             "https://my-oss-x.s3.oss-cn-beijing.aliyuncs.com/a @cn-beijing");
    place = (CcbTargetPlace){.region = "r", .endpoint = "https://Images.Example.com"};
    is_place("oss://images/a", "i", place, "https://Images.Example.com/a @r");
    is_place("oss://images.example.com/a", "i", place, "https://Images.Example.com/a @r");
    place.addressing = CCB_ADDRESSING_VIRTUAL; /* a server that is called as the bucket */
    is_place("oss://images/a", "i", place, "https://images.Images.Example.com/a @r");
    place.addressing = CCB_ADDRESSING_PATH;
    is_place("oss://images/a", "i", place, "https://Images.Example.com/images/a @r");
}

/* --- Names */

static void is_key(size_t size, const char *begin, CcbNames names, bool expected)
{
    g_autofree char *fill = g_strnfill(size - strlen(begin), 'a');
    g_autofree char *key = g_strconcat(begin, fill, NULL);
    g_autoptr(GError) error = NULL;
    is_int(ccb_names_check_key(key, names, &error), expected, begin);
    ok(expected || ccb_exit_code(error) == CCB_ERR_USAGE, "an error of the command line");
}

static void is_bucket(const char *url, CcbNames names, bool expected)
{
    g_autofree char *bucket = NULL, *key = NULL;
    is_int(ccb_names_split(url, names, &bucket, &key, NULL), expected, url);
}

static void names(void)
{
    is_key(1023, "", CCB_NAMES_OSS, true);
    is_key(1024, "", CCB_NAMES_OSS, false);
    is_key(1024, "", CCB_NAMES_S3, true);
    is_key(1025, "", CCB_NAMES_S3, false);
    is_key(1023, "\xe9\x95\x9c", CCB_NAMES_OSS, true);
    is_key(1025, "\xe9\x95\x9c", CCB_NAMES_S3, false);
    is_key(9, "/", CCB_NAMES_OSS, false);
    is_key(9, "\\", CCB_NAMES_OSS, false);
    is_key(9, "/", CCB_NAMES_S3, true);
    is_key(9, "a\n", CCB_NAMES_S3, false);
    is_key(9, "\xff", CCB_NAMES_S3, false);
    is_bucket("oss://a.b.c/k", CCB_NAMES_OSS, false);
    is_bucket("oss://a.b.c/k", CCB_NAMES_S3, true);
    is_bucket("oss://a..c/k", CCB_NAMES_S3, false);
    is_bucket("oss://.ac/k", CCB_NAMES_S3, false);
    is_bucket("oss://ab-/k", CCB_NAMES_S3, false);
    is_bucket("oss://Abc/k", CCB_NAMES_S3, false);
    is_bucket("oss://abc", CCB_NAMES_OSS, true);
    /* What of them the endpoint decides. */
    g_autofree char *long_key = g_strnfill(1024, 'a');
    g_autofree char *url = g_strconcat("oss://images/", long_key, NULL);
    static const CcbTargetPlace ends[] = {
        {.region = "r"},
        {.endpoint = "https://s3.oss-cn-beijing.aliyuncs.com"},
        {.region = "r", .endpoint = "https://s3.example.com"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autoptr(CcbTarget) target = ccb_target_parse(url, NULL, &ends[i], NULL);
        is_int(target != NULL, i == 2, ends[i].endpoint ? ends[i].endpoint : "OSS");
    }
}

/* --- ETags */

static void is_verdict(const char *etag, const char *expected, CcbEtagVerdict verdict)
{
    is_int(ccb_etag_compare(etag, expected), verdict, etag ? etag : "none");
}

#define MD5_A "0123456789abcdef0123456789abcdef"
#define MD5_B "0123456789abcdef0123456789abcde0"

static void etags(void)
{
    is_verdict(MD5_A, MD5_A, CCB_ETAG_SAME);
    is_verdict("0123456789ABCDEF0123456789abcdef", MD5_A, CCB_ETAG_SAME);
    is_verdict(MD5_B, MD5_A, CCB_ETAG_DIFFERS);
    is_verdict(MD5_A "-2", MD5_A "-2", CCB_ETAG_SAME);
    is_verdict(MD5_B "-2", MD5_A "-2", CCB_ETAG_DIFFERS);
    is_verdict(MD5_B "-3", MD5_A "-2", CCB_ETAG_OPAQUE); /* not made of these parts */
    is_verdict(MD5_B, MD5_A "-2", CCB_ETAG_OPAQUE);      /* s3rver: MD5 of all bytes */
    is_verdict(MD5_B "-2", MD5_A, CCB_ETAG_OPAQUE);
    is_verdict(MD5_B "0", MD5_A, CCB_ETAG_OPAQUE);
    is_verdict("0x8DC0123456789AB", MD5_A, CCB_ETAG_OPAQUE);
    is_verdict("6b7f2a40-1c8e-4a8e-9a3e-5d1c6a2b0f11", MD5_A, CCB_ETAG_OPAQUE);
    is_verdict("CJ+1z6Tz7PwCEAE=", MD5_A "-2", CCB_ETAG_OPAQUE);
    is_verdict("", MD5_A, CCB_ETAG_OPAQUE);
    is_verdict(NULL, MD5_A "-2", CCB_ETAG_OPAQUE);
}

static void is_unquoted(const char *header, const char *expected)
{
    g_autofree char *etag = ccb_etag_unquote(header);
    is_str(etag, expected, header ? header : "none");
}

static void quotes(void)
{
    is_unquoted("\"abc\"", "abc");
    is_unquoted("W/\"abc\"", "abc");
    is_unquoted("abc", "abc");
    is_unquoted("W/abc", "W/abc");
    is_unquoted("\"", "\"");
    is_unquoted(NULL, NULL);
}

/* An upload begun through one endpoint goes on through another of the same server. */
static void servers(void)
{
    static const CcbTargetPlace ends[] = {
        {.region = "cn-beijing"},
        {.region = "cn-beijing", .internal = true},
        {.endpoint = "https://s3.oss-cn-beijing-internal.aliyuncs.com"},
        {.region = "cn-hangzhou"},
        {.region = "cn-beijing", .endpoint = "http://minio.example.com"},
    };
    CcbTarget *targets[G_N_ELEMENTS(ends)];
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        targets[i] = ccb_target_parse("oss://images/a", "i", &ends[i], NULL);
    is_str(targets[1]->server, targets[0]->server, "inside of the region");
    is_str(targets[2]->server, targets[0]->server, "with the endpoint written out");
    ok(strcmp(targets[3]->server, targets[0]->server) != 0, "another region is another server");
    ok(strcmp(targets[4]->server, targets[0]->server) != 0, "so is another one's");
    ok(targets[1]->is_oss && targets[2]->is_oss && !targets[4]->is_oss, "OSS by its endpoint");
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        ccb_target_free(targets[i]);
}

static void bad_endpoints(void)
{
    static const char *const bad[] = {
        "http://user:pw@host", "https://host/path", "https://host?x", "https://", "//", "a b"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        CcbTargetPlace place = {.region = "r", .endpoint = bad[i]};
        g_autoptr(CcbTarget) target = ccb_target_parse("oss://images/a", "i", &place, &error);
        ok(error != NULL && strstr(error->message, ":pw@") == NULL, "no password is repeated");
        is_error(&error, "not a place of a server", bad[i]);
    }
}

static void in_clear(const char *endpoint, bool expected)
{
    CcbTargetPlace place = {.region = "r", .endpoint = endpoint};
    g_autoptr(CcbTarget) target = ccb_target_parse("oss://images/a", "i", &place, NULL);
    is_int(target->in_clear, expected, endpoint);
}

static void listeners(void)
{
    in_clear("http://minio.example.com", true);
    in_clear("http://192.0.2.1:9000", true);
    in_clear("http://localhost.example.com", true);
    in_clear("https://minio.example.com", false);
    in_clear("http://localhost:9000", false);
    in_clear("http://127.0.0.2:9000", false);
    in_clear("http://[::1]", false);
}

/* --- XML */

static const char list[] =
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
    "  <Bucket>images</Bucket><Initiator><ID>x</ID></Initiator>\n"
    "  <IsTruncated>false</IsTruncated>\n"
    "  <Part><PartNumber>1</PartNumber><ETag>&quot;abc&quot;</ETag><Size>5</Size></Part>\n"
    "  <Part><PartNumber>2</PartNumber><Nested><ETag>no</ETag></Nested></Part>\n"
    "</ListPartsResult>   \n";

static void answers(void)
{
    g_autoptr(CcbXml) xml = ccb_xml_parse(list, strlen(list), "Part", NULL);
    if (!ok(xml != NULL && xml->records->len == 2, "a list has its records"))
        return;
    is_str(xml->root, "ListPartsResult", "the root");
    is_str(ccb_xml_get(xml->fields, "IsTruncated"), "false", "a field");
    is_str(ccb_xml_get(xml->fields, "ID"), "", "what lies deeper is none");
    is_str(ccb_xml_get(xml->fields, "PartNumber"), "", "nor is what is in a record");
    is_str(ccb_xml_get(xml->records->pdata[0], "ETag"), "\"abc\"", "a record's field");
    is_str(ccb_xml_get(xml->records->pdata[1], "ETag"), "", "a record has its own only");
}

static void refuses(const char *text, const char *what)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CcbXml) xml = ccb_xml_parse(text, strlen(text), "Part", &error);
    ok(xml == NULL && error != NULL, what);
}

static void hostile_answers(void)
{
    refuses("", "nothing");
    refuses("<?xml version='1.0'?><!-- a -->", "a document without an element");
    refuses("<html><body>Bad gateway", "half a page");
    refuses("<a>&lol;</a>", "an entity that is not XML's own");
    refuses("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "an entity of its own");
    refuses("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "a file");
    refuses("<a>\xff</a>", "what is not UTF-8");
    refuses("<a/><b/>", "two documents");
    GString *deep = g_string_new(NULL);
    for (int i = 0; i < 100000; i++)
        g_string_append(deep, "<a>");
    refuses(deep->str, "deep and without an end");
    g_string_free(deep, TRUE);
}

static void parse_mutated(const char *data, gsize size)
{
    g_autoptr(CcbXml) xml = ccb_xml_parse(data, size, "Part", NULL);
}

/* --- Errors */

static CcbXml *error_xml(const char *more)
{
    g_autofree char *text = g_strdup_printf("<Error>%s</Error>", more);
    return ccb_xml_parse(text, strlen(text), NULL, NULL);
}

static void is_explained(CcbRefusal refusal, const char *more, const char *expected)
{
    g_autoptr(CcbXml) xml = error_xml(more);
    refusal.xml = xml;
    refusal.code = ccb_xml_get(xml->fields, "Code");
    refusal.where = "somewhere";
    g_autoptr(GError) error = ccb_refusal_explain(&refusal);
    is_str(error->message, expected, *refusal.code ? refusal.code : "without a code");
}

static void explanations(void)
{
    is_explained((CcbRefusal){.status = 404},
                 "<Code>NoSuchBucket</Code><Message>no</Message><RequestId>7</RequestId>",
                 "there is no such bucket (HTTP 404, NoSuchBucket: no; request 7)\n"
                 "hint: check name, --region and --endpoint, or create it: ccbake does not");
    is_explained((CcbRefusal){.status = 403, .ahead_s = 90}, "<Code>RequestTimeTooSkewed</Code>",
                 "this host's clock is 1 min 30 s ahead of the server's (HTTP 403, "
                 "RequestTimeTooSkewed)\n"
                 "hint: set this host's clock (chronyc makestep, or timedatectl set-ntp true)");
    is_explained((CcbRefusal){.status = 403}, "<Code>InvalidAccessKeyId</Code>",
                 "the server does not know this access key ID (HTTP 403, InvalidAccessKeyId)\n"
                 "hint: they come from somewhere: check them there");
    is_explained((CcbRefusal){.status = 403},
                 "<Code>AccessDenied</Code><Endpoint>oss-cn-x.aliyuncs.com</Endpoint>",
                 "the bucket is in another region than --region says (HTTP 403, AccessDenied)\n"
                 "hint: the server says to use the endpoint oss-cn-x.aliyuncs.com: check --region "
                 "and --endpoint");
    is_explained((CcbRefusal){.status = 400}, "<Code>EntityTooSmall</Code>",
                 "the server wants larger parts (HTTP 400, EntityTooSmall)\nhint: say a larger "
                 "--part-size, as 5M, the least of S3: the upload begins anew with it");
    is_explained((CcbRefusal){.status = 400},
                 "<Code>EntityTooSmall</Code><MinSizeAllowed>5242880</MinSizeAllowed>",
                 "the server wants larger parts (HTTP 400, EntityTooSmall)\nhint: say "
                 "--part-size=5242880, or a larger one: the upload begins anew with it");
    is_explained((CcbRefusal){.status = 502}, "",
                 "the server refuses (HTTP 502)\nhint: run the same command again later: it goes "
                 "on where it stopped");
    is_explained((CcbRefusal){.status = 400}, "<Code>Odd</Code><Message>a\x1b[2Jb\nc</Message>",
                 "the server refuses (HTTP 400, Odd: a\\x1b[2Jb\\x0ac)");
    is_explained((CcbRefusal){.status = 403},
                 "<Code>SignatureDoesNotMatch</Code><CanonicalRequest>secret</CanonicalRequest>",
                 "the access key secret does not belong to this access key ID (HTTP 403, "
                 "SignatureDoesNotMatch)\nhint: they come from somewhere: check them there");
}

static void kinds(void)
{
    is_int(ccb_refusal_kind(&(CcbRefusal){.status = 503, .code = "SlowDown"}), CCB_PASSING,
           "SlowDown passes");
    is_int(ccb_refusal_kind(&(CcbRefusal){.status = 400, .code = "BadDigest"}), CCB_PASSING,
           "so does what was spoilt on the way");
    is_int(ccb_refusal_kind(&(CcbRefusal){.status = 400, .code = "ExpiredToken"}), CCB_EXPIRED,
           "a token expires");
    is_int(ccb_refusal_kind(&(CcbRefusal){.status = 502, .code = ""}), CCB_PASSING,
           "a gateway's trouble passes");
    is_int(ccb_refusal_kind(&(CcbRefusal){.status = 403, .code = ""}), CCB_REFUSED,
           "a refusal without words stays");
}

int main(void)
{
    places();
    addressing();
    endpoints_with_the_bucket();
    names();
    etags();
    quotes();
    servers();
    bad_endpoints();
    listeners();
    answers();
    hostile_answers();
    fuzz(list, strlen(list), 20000, parse_mutated);
    explanations();
    kinds();
    return done();
}
