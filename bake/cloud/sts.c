/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/sts.h"

#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "cloud/external.h"
#include "cloud/secrets.h"
#include "cloud/sigv4.h"

/* The host of the service, with its protocol; caller frees. */
static char *service_origin(const CcbProfile *profile, GError **error)
{
    const char *for_tests = g_getenv("CCBAKE_STS_ENDPOINT");
    if (for_tests != NULL)
        return g_strdup(for_tests);
    const char *endpoint = ccb_profile_get(profile, "sts_endpoint");
    const char *region = ccb_profile_get(profile, "sts_region");
    const char *protocol = endpoint != NULL ? strstr(endpoint, "://") : NULL;
    if (protocol != NULL)
        endpoint = protocol + strlen("://");
    g_autofree char *host = endpoint != NULL ? g_strndup(endpoint, strcspn(endpoint, "/"))
                            : region != NULL ? g_strdup_printf("sts.%s.aliyuncs.com", region)
                                             : g_strdup("sts.aliyuncs.com");
    if (*host != '\0' && host[strspn(host, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-")] == '\0')
        return g_strconcat("https://", host, NULL);
    ccb_fail(error, CCB_ERR_USAGE, "\"%s\" is not the name of a host of STS", host);
    ccb_hint(error, "check sts_endpoint and sts_region of the profile, "
                    "$ALIBABA_CLOUD_STS_ENDPOINT and $ALIBABA_CLOUD_STS_REGION");
    return NULL;
}

static void add(GArray *parameters, const char *name, const char *value)
{
    CcbPair pair = {name, value};
    if (value != NULL)
        g_array_append_val(parameters, pair);
}

/* The body of a request with these parameters, signed if there is a secret; to be freed with
 * ccb_secret_clear().  Sorts the parameters. */
static char *signed_body(GArray *parameters, const char *secret)
{
    ccb_autosecret char *body =
        ccb_sigv4_query(parameters); /* the rules of encoding are the same */
    if (secret == NULL)
        return g_steal_pointer(&body);
    ccb_autosecret char *encoded = g_uri_escape_string(body, NULL, FALSE);
    ccb_autosecret char *to_sign = g_strconcat("POST&%2F&", encoded, NULL);
    ccb_autosecret char *key = g_strconcat(secret, "&", NULL);
    unsigned char raw[CCB_SHA1_SIZE];
    ccb_hmac_sha1(key, strlen(key), to_sign, raw);
    g_autofree char *base64 = g_base64_encode(raw, sizeof raw);
    g_autofree char *signature = g_uri_escape_string(base64, NULL, FALSE);
    return g_strconcat(body, "&Signature=", signature, NULL);
}

static void refuse(const json_t *answer, long status, const char *who, GError **error)
{
    const char *code = json_string_value(json_object_get(answer, "Code"));
    const char *message = json_string_value(json_object_get(answer, "Message"));
    if (code == NULL) {
        ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld, and not an answer of STS", who, status);
        return;
    }
    /* If a signature does not match, STS repeats what was signed, with the session token in it. */
    g_auto(GStrv) parts = g_strsplit(message ? message : "", "server string to sign is", 2);
    g_autofree char *said = ccb_name_printable(parts[0] != NULL ? g_strstrip(parts[0]) : "");
    g_autofree char *name = ccb_name_printable(code);
    ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld, %s: %s", who, status, name, said);
    if (g_str_has_prefix(code, "InvalidTimeStamp"))
        ccb_hint(error, "set this host's clock");
    if (g_str_has_prefix(code, "SignatureDoesNotMatch") || g_str_has_prefix(code, "IncompleteSign"))
        ccb_hint(error, "the access key secret does not belong to the access key ID");
}

/* Adds what every request has to the parameters, and sends them.  `shown`: what is asked for, for
 * messages; `caller`: NULL for a request that is not signed.  Returns the answer, or NULL if STS refuses. */
static json_t *call(const CcbProfile *profile, const char *action, const char *shown,
                    GArray *parameters, const CcbCredentials *caller, GError **error)
{
    enum { STALL_S = 15 };
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    g_autofree char *origin = service_origin(profile, error);
    if (origin == NULL)
        return NULL;
    g_autofree char *url = g_strconcat(origin, "/", NULL);
    g_autofree char *who = g_strdup_printf("%s at %s", shown, origin);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    g_autofree char *nonce = g_uuid_string_random();
    add(parameters, "Action", action);
    add(parameters, "Version", "2015-04-01");
    add(parameters, "Format", "JSON");
    add(parameters, "Timestamp", time);
    if (caller != NULL) {
        add(parameters, "SignatureMethod", "HMAC-SHA1");
        add(parameters, "SignatureVersion", "1.0");
        add(parameters, "SignatureNonce", nonce);
        add(parameters, "AccessKeyId", caller->id);
        add(parameters, "SecurityToken", caller->token);
    }
    ccb_autosecret char *body = signed_body(parameters, caller != NULL ? caller->secret : NULL);
    CcbHttpRequest request = {
        .method = "POST", .url = url, .headers = headers, .text = body, .stall_s = STALL_S};
    long status = 0;
    ccb_autosecret char *text = ccb_external_ask(&request, who, &status, error);
    if (text == NULL)
        return NULL;
    g_autoptr(CcbSecretJson) answer = json_loads(text, 0, NULL);
    if (status == 200 && answer != NULL)
        return g_steal_pointer(&answer);
    refuse(answer, status, who, error);
    return NULL;
}

/* Adds what both ways to assume a role have to the parameters, sends them and takes the keys. */
static bool assume(const CcbProfile *profile, const char *action, GArray *parameters,
                   const CcbCredentials *caller, CcbCredentials *ret, GError **error)
{
    enum { LIFETIME_S = 3600 };
    const char *session = ccb_profile_get(profile, "ram_session_name");
    gint64 wanted_s = ccb_profile_get_number(profile, "expired_seconds");
    g_autofree char *seconds = g_strdup_printf("%" PRId64, wanted_s != 0 ? wanted_s : LIFETIME_S);
    g_autofree char *arn = ccb_name_printable(ccb_profile_get(profile, "ram_role_arn"));
    g_autofree char *shown = g_strdup_printf("%s of %s", action, arn);
    add(parameters, "RoleArn", ccb_profile_get(profile, "ram_role_arn"));
    add(parameters, "RoleSessionName", session ? session : "ccbake");
    add(parameters, "DurationSeconds", seconds);
    add(parameters, "Policy", ccb_profile_get(profile, "policy"));
    g_autoptr(CcbSecretJson) answer = call(profile, action, shown, parameters, caller, error);
    if (answer == NULL)
        return false;
    return ccb_external_take(json_object_get(answer, "Credentials"), ret) ||
           ccb_fail(error, CCB_ERR_FETCH, "%s: the answer has no keys", shown);
}

bool ccb_sts_assume(const CcbProfile *profile, CcbCredentials *credentials, GError **error)
{
    g_autoptr(GArray) parameters = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    add(parameters, "ExternalId", ccb_profile_get(profile, "external_id"));
    return assume(profile, "AssumeRole", parameters, credentials, credentials, error);
}

bool ccb_sts_assume_by_token(const CcbProfile *profile, const char *token, CcbCredentials *ret,
                             GError **error)
{
    g_autoptr(GArray) parameters = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    add(parameters, "OIDCProviderArn", ccb_profile_get(profile, "oidc_provider_arn"));
    add(parameters, "OIDCToken", token);
    return assume(profile, "AssumeRoleWithOIDC", parameters, NULL, ret, error);
}

char *ccb_sts_identity(const CcbProfile *profile, const CcbCredentials *caller, GError **error)
{
    static const char action[] = "GetCallerIdentity";
    g_autoptr(GArray) parameters = g_array_new(FALSE, FALSE, sizeof(CcbPair));
    g_autoptr(CcbSecretJson) answer = call(profile, action, action, parameters, caller, error);
    const char *arn = json_string_value(json_object_get(answer, "Arn"));
    if (answer != NULL && arn == NULL)
        ccb_fail(error, CCB_ERR_FETCH, "%s: the answer has no Arn", action);
    return arn != NULL ? ccb_name_printable(arn) : NULL;
}
