/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/credentials.h"

#include "base/digest.h"
#include "base/error.h"
#include "cloud/external.h"
#include "tap.h"

/* RFC 2202, case 2. */
static void test_hmac(void)
{
    unsigned char raw[CCB_SHA1_SIZE];
    ccb_hmac_sha1("Jefe", 4, "what do ya want for nothing?", raw);
    is_taken(ccb_hex(raw, sizeof raw), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "HMAC-SHA1");
}

static void test_times(void)
{
    is_int(ccb_credentials_parse_time("2026-11-30T17:00:00Z"), 1796058000, "a time in UTC");
    is_int(ccb_credentials_parse_time("soon"), 0, "what is no time");
    is_int(ccb_credentials_parse_time(NULL), 0, "no time");
}

static void test_shown_ids(void)
{
    g_autoptr(CcbCredentials) credentials = g_new0(CcbCredentials, 1);
    ccb_credentials_set(credentials, "LTAI5tExampleWxyz", "secret", NULL, 0);
    is_taken(ccb_credentials_shown_id(credentials), "LTAI...Wxyz", "the ends of an ID");
    ccb_credentials_set(credentials, "LTAIWxyz", "secret", "token", 7);
    is_taken(ccb_credentials_shown_id(credentials), "...", "an ID of which nothing would be left");
    is_str(credentials->token, "token", "a token");
    ccb_credentials_set(credentials, credentials->id, credentials->token, NULL, 0);
    is_str(credentials->secret, "token", "they may be set to what they are");
}

static void test_external(void)
{
    GError *error = NULL;
    g_autoptr(CcbCredentials) credentials = g_new0(CcbCredentials, 1);
    ok(!ccb_external_run("sleep 100", 1, credentials, &error), "a program that hangs");
    is_int(error->code, CCB_ERR_HOST, "is a fault of the host");
    is_error(&error, "sleep did not end within its limit of 1 s", "and is ended");
    ok(ccb_external_run(
           "echo '{\"access_key_id\": \"i\", \"access_key_secret\": \"s\", \"sts_token\": "
           "\"t\", \"expiration\": \"2026-11-30T17:00:00Z\"}'",
           10, credentials, &error),
       "a program that prints keys");
    is_str(credentials->token, "t", "with a token, which is taken without a mode");
    is_int(credentials->expires, 1796058000, "and their end");
    ok(ccb_external_run(
           "echo '{\"mode\": \"AK\", \"access_key_id\": \"i\", \"access_key_secret\": \"s\", "
           "\"sts_token\": \"t\"}'",
           10, credentials, &error),
       "an access key");
    is_str(credentials->token, NULL, "has no token");
    ok(!ccb_external_run("  ", 10, credentials, &error), "no command");
    is_error(&error, "process_command", "is refused");
}

int main(void)
{
    test_hmac();
    test_times();
    test_shown_ids();
    test_external();
    return done();
}
