/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The examples of "Authenticating Requests (AWS Signature Version 4)" in the reference of S3, and
 * one of the published test suite. */
#include "cloud/sigv4.h"

#include "tap.h"

#define EMPTY   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST    "examplebucket.s3.amazonaws.com"
#define WELCOME "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const CcbSigv4Key s3_key = {"AKIAIOSFODNN7EXAMPLE",
                                   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};

static GArray *pairs(const CcbPair *list)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    for (; list->name != NULL; list++)
        g_array_append_val(array, *list);
    return array;
}

static void signs(const char *what, const char *method, const char *path, const CcbPair *query,
                  const CcbPair *headers, const char *payload, const char *expected)
{
    g_autoptr(GArray) q = pairs(query);
    g_autoptr(GArray) h = pairs(headers);
    CcbSigv4Request request = {.method = method,
                               .path = path,
                               .query = q,
                               .headers = h,
                               .payload = payload,
                               .time = "20130524T000000Z"};
    g_autofree char *got = ccb_sigv4_authorization(&request, &s3_key);
    const char *signature = strstr(got, "Signature=");
    is_str(signature != NULL ? signature + 10 : NULL, expected, what);
}

static void examples_of_s3(void)
{
    const CcbPair none[] = {{0}};
    const CcbPair get[] = {{"host", HOST},
                           {"range", "bytes=0-9"},
                           {"x-amz-content-sha256", EMPTY},
                           {"x-amz-date", "20130524T000000Z"},
                           {0}};
    const CcbPair put[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                           {"date", "Fri, 24 May 2013 00:00:00 GMT"},
                           {"host", HOST},
                           {"x-amz-date", "20130524T000000Z"},
                           {"x-amz-content-sha256", WELCOME},
                           {0}};
    const CcbPair plain[] = {
        {"host", HOST}, {"x-amz-content-sha256", EMPTY}, {"x-amz-date", "20130524T000000Z"}, {0}};
    const CcbPair lifecycle[] = {{"lifecycle", ""}, {0}};
    const CcbPair list[] = {{"prefix", "J"}, {"max-keys", "2"}, {0}};
    signs("GET with a range", "GET", "/test.txt", none, get, EMPTY,
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    signs("PUT of an object", "PUT", "/test%24file.text", none, put, WELCOME,
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    signs("a sub-resource without a value", "GET", "/", lifecycle, plain, EMPTY,
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    signs("a query, in another order", "GET", "/", list, plain, EMPTY,
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void whole_header(void)
{
    static const CcbSigv4Key key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                    "us-east-1", "service"};
    const CcbPair headers[] = {
        {"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}, {0}};
    g_autoptr(GArray) h = pairs(headers);
    CcbSigv4Request request = {
        .method = "GET", .path = "/", .headers = h, .payload = EMPTY, .time = "20150830T123600Z"};
    is_taken(ccb_sigv4_authorization(&request, &key),
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
             "SignedHeaders=host;x-amz-date,Signature="
             "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
             "get-vanilla of the test suite");
}

static void encoding(void)
{
    const CcbPair odd[] = {{"b", "a/b&c=d"}, {"a+", "镜像~ "}, {"uploads", ""}, {0}};
    g_autoptr(GArray) query = pairs(odd);
    is_taken(ccb_sigv4_query(query),
             "a%2B=%E9%95%9C%E5%83%8F~%20&b=a%2Fb%26c%3Dd&uploads=", "a query, encoded and sorted");
}

int main(void)
{
    examples_of_s3();
    whole_header();
    encoding();
    return done();
}
