/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/sts.h"

#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "cloud/ask.h"
#include "cloud/sigv4.h"

enum { STALL_S = 15, LIFETIME_S = 3600 };

/* The URL of the service; caller frees. */
static char *service_url(const char *endpoint, const char *region, GError **error)
{
    const char *own = g_getenv("CCBAKE_STS_ENDPOINT"); /* for tests */
    if (own != NULL)
        return g_strconcat(own, "/", NULL);
    const char *host = endpoint;
    if (host != NULL && strstr(host, "://") != NULL)
        host = strstr(host, "://") + strlen("://");
    g_autofree char *authority = host != NULL     ? g_strndup(host, strcspn(host, "/"))
                                 : region != NULL ? g_strdup_printf("sts.%s.aliyuncs.com", region)
                                                  : g_strdup("sts.aliyuncs.com");
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    if (*authority != '\0' && authority[strspn(authority, letters)] == '\0')
        return g_strconcat("https://", authority, "/", NULL);
    ccb_fail(error, CCB_ERR_USAGE, "\"%s\" is not the name of a host of STS", authority);
    ccb_hint(error, "check sts_endpoint and sts_region of the profile, "
                    "$ALIBABA_CLOUD_STS_ENDPOINT and $ALIBABA_CLOUD_STS_REGION");
    return NULL;
}

/* The body of a request with these parameters, signed where there is a secret; to be freed with
 * ccb_secret_clear().  Sorts the parameters. */
static char *signed_body(GArray *parameters, const char *secret)
{
    char *body = ccb_sigv4_query(parameters); /* has the same rules */
    if (secret == NULL)
        return body;
    unsigned char raw[CCB_SHA1_SIZE];
    char *encoded = ccb_uri_encode(body, "");
    char *to_sign = g_strconcat("POST&%2F&", encoded, NULL);
    char *key = g_strconcat(secret, "&", NULL);
    ccb_hmac_sha1(key, strlen(key), to_sign, raw);
    g_autofree char *base64 = g_base64_encode(raw, sizeof raw);
    g_autofree char *signature = ccb_uri_encode(base64, "");
    char *full = g_strconcat(body, "&Signature=", signature, NULL);
    ccb_secret_clear(&body);
    ccb_secret_clear(&encoded);
    ccb_secret_clear(&to_sign);
    ccb_secret_clear(&key);
    return full;
}

/* Of a signature that does not match, STS repeats what it has signed, with the session token. */
static char *readable(const char *message)
{
    static const char repeated[] = "server string to sign is";
    const char *end = strstr(message, repeated);
    g_autofree char *kept = end ? g_strndup(message, (size_t)(end - message)) : g_strdup(message);
    return ccb_name_printable(g_strstrip(kept));
}

static bool refuse(const json_t *answer, long status, const char *who, GError **error)
{
    const char *code = json_string_value(json_object_get(answer, "Code"));
    const char *message = json_string_value(json_object_get(answer, "Message"));
    if (code == NULL)
        return ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld, and not an answer of STS", who,
                        status);
    g_autofree char *said = readable(message ? message : "");
    g_autofree char *name = ccb_name_printable(code);
    ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld, %s: %s", who, status, name, said);
    if (g_str_has_prefix(code, "InvalidTimeStamp"))
        return ccb_hint(error, "set this host's clock");
    if (g_str_has_prefix(code, "SignatureDoesNotMatch") || g_str_has_prefix(code, "IncompleteSign"))
        return ccb_hint(error, "the access key secret does not belong to the access key ID");
    return false;
}

/* The answer to a request that STS does not refuse (to be freed with ccb_secret_free_json()), or
 * NULL.  `shown`: what is asked for, for messages; `secret`: NULL where it is not signed. */
static json_t *call(const char *url, const char *shown, GArray *parameters, const char *secret,
                    GError **error)
{
    g_autofree char *host = g_strndup(url, strlen(url) - 1);
    g_autofree char *who = g_strdup_printf("%s at %s", shown, host);
    char *body = signed_body(parameters, secret);
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    CcbHttpRequest request = {
        .method = "POST", .url = url, .headers = headers, .text = body, .stall_s = STALL_S};
    long status = 0;
    char *text = ccb_ask(&request, who, &status, error);
    ccb_secret_clear(&body);
    if (text == NULL)
        return NULL;
    json_t *answer = json_loads(text, 0, NULL);
    ccb_secret_clear(&text);
    if (status == 200 && answer != NULL)
        return answer;
    refuse(answer, status, who, error);
    ccb_secret_free_json(answer);
    return NULL;
}

static void add(GArray *parameters, const char *name, const char *value)
{
    CcbPair pair = {name, value};
    if (value != NULL)
        g_array_append_val(parameters, pair);
}

/* What every request has; `time` is to outlive it. */
static GArray *new_parameters(const char *action, const char *time)
{
    GArray *parameters = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    add(parameters, "Action", action);
    add(parameters, "Version", "2015-04-01");
    add(parameters, "Format", "JSON");
    add(parameters, "Timestamp", time);
    return parameters;
}

static void add_caller(GArray *parameters, const CcbCredentials *caller, const char *nonce)
{
    add(parameters, "SignatureMethod", "HMAC-SHA1");
    add(parameters, "SignatureVersion", "1.0");
    add(parameters, "SignatureNonce", nonce);
    add(parameters, "AccessKeyId", caller->id);
    add(parameters, "SecurityToken", caller->token);
}

static char *now(void)
{
    g_autoptr(GDateTime) time = g_date_time_new_now_utc();
    return g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
}

/* Adds what both ways of assuming a role have to the parameters, sends them and takes the keys. */
static bool assume(const char *action, const CcbStsRole *role, GArray *parameters,
                   const char *secret, CcbCredentials *ret, GError **error)
{
    g_autofree char *arn = ccb_name_printable(role->arn);
    g_autofree char *shown = g_strdup_printf("%s of %s", action, arn);
    g_autofree char *seconds =
        g_strdup_printf("%" PRId64, role->seconds != 0 ? role->seconds : LIFETIME_S);
    g_autofree char *url = service_url(role->endpoint, role->region, error);
    if (url == NULL)
        return false;
    add(parameters, "RoleArn", role->arn);
    add(parameters, "RoleSessionName", role->session);
    add(parameters, "DurationSeconds", seconds);
    add(parameters, "Policy", role->policy);
    json_t *answer = call(url, shown, parameters, secret, error);
    if (answer == NULL)
        return false;
    bool ok = ccb_ask_take(json_object_get(answer, "Credentials"), ret);
    ccb_secret_free_json(answer);
    return ok || ccb_fail(error, CCB_ERR_FETCH, "%s: the answer has no keys", shown);
}

bool ccb_sts_assume(const CcbStsRole *role, const CcbCredentials *caller, CcbCredentials *ret,
                    GError **error)
{
    g_autofree char *time = now(), *nonce = g_uuid_string_random();
    g_autoptr(GArray) parameters = new_parameters("AssumeRole", time);
    add_caller(parameters, caller, nonce);
    add(parameters, "ExternalId", role->external);
    return assume("AssumeRole", role, parameters, caller->secret, ret, error);
}

bool ccb_sts_assume_by_token(const CcbStsRole *role, const char *provider_arn, const char *token,
                             CcbCredentials *ret, GError **error)
{
    g_autofree char *time = now();
    g_autoptr(GArray) parameters = new_parameters("AssumeRoleWithOIDC", time);
    add(parameters, "OIDCProviderArn", provider_arn);
    add(parameters, "OIDCToken", token);
    return assume("AssumeRoleWithOIDC", role, parameters, NULL, ret, error);
}

char *ccb_sts_identity(const CcbCredentials *caller, const char *endpoint, const char *region,
                       GError **error)
{
    static const char action[] = "GetCallerIdentity";
    g_autofree char *time = now(), *nonce = g_uuid_string_random();
    g_autoptr(GArray) parameters = new_parameters(action, time);
    add_caller(parameters, caller, nonce);
    g_autofree char *url = service_url(endpoint, region, error);
    json_t *answer = url ? call(url, action, parameters, caller->secret, error) : NULL;
    const char *arn = json_string_value(json_object_get(answer, "Arn"));
    char *printable = arn != NULL ? ccb_name_printable(arn) : NULL;
    if (answer != NULL && arn == NULL)
        ccb_fail(error, CCB_ERR_FETCH, "%s: the answer has no Arn", action);
    ccb_secret_free_json(answer);
    return printable;
}
