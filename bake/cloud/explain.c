/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/explain.h"

#include <string.h>

#include "base/error.h"
#include "base/quantity.h"
#include "base/text.h"
#include "http/handle.h"

typedef struct {
    const char *codes[4];
    const char *what;
    const char *hint; /* NULL: `what` says it all */
    CcbRefusalKind kind;
} Meaning;

static const char check_source[] = "check the credentials";
static const char later[] = "run the same command again later: it goes on where it stopped";
static const char new_token[] =
    "get a new token and run the same command again: it goes on where it stopped";
static const char report[] = "please report this, with the line above";
static const char clocks_differ[] = "the clocks of this host and of the server differ";

/* clang-format off */
static const Meaning meanings[] = {
    /* credentials */
    {{"InvalidAccessKeyId"}, "the server does not know this access key ID", check_source, CCB_REFUSED},
    {{"SignatureDoesNotMatch"}, "the access key secret does not belong to this access key ID", check_source,
     CCB_REFUSED},
    {{"AccessDenied"}, "these credentials do not allow it",
     "an upload needs oss:GetObject, oss:PutObject, oss:ListParts, oss:AbortMultipartUpload and "
     "oss:DeleteObject on the object; --abort-stale needs oss:ListMultipartUploads on the bucket", CCB_REFUSED},
    {{"AccountProblem"}, "there is a problem with the account", "ask the provider's support", CCB_REFUSED},
    {{"UserDisable"}, "the account is disabled, or owes payment", "settle that in the provider's console", CCB_REFUSED},
    {{"NotSignedUp"}, "the account has not activated the storage service", "activate it in the provider's console",
     CCB_REFUSED},
    {{"ExpiredToken", "SecurityTokenExpired"}, "the session token has expired", new_token, CCB_EXPIRED},
    {{"TokenRefreshRequired"}, "the session token has to be renewed", new_token, CCB_EXPIRED},
    {{"InvalidToken", "InvalidSecurityToken"}, "the session token is malformed or no longer valid", new_token,
     CCB_EXPIRED},
    {{"SecurityTokenNotSupported"}, "the server takes no session tokens", "use an access key of a user", CCB_REFUSED},
    {{"RequestTimeTooSkewed", "RequestExpired"}, clocks_differ,
     "set this host's clock (chronyc makestep, or timedatectl set-ntp true)", CCB_REFUSED},
    /* bucket and endpoint */
    {{"NoSuchBucket"}, "there is no such bucket",
     "check name, --region and --endpoint, or create it: ccbake does not", CCB_REFUSED},
    {{"InvalidBucketName"}, "the server takes no such name for a bucket", "check the name", CCB_REFUSED},
    {{"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "IllegalLocationConstraintException"},
     "the bucket is in another region than --region says", "say the right --region", CCB_REFUSED},
    {{"PermanentRedirect", "TemporaryRedirect", "Redirect"},
     "the bucket is in another region than --region says", "say the right --region or --endpoint", CCB_REFUSED},
    {{"PublicEndpointForbidden"}, "OSS does not serve this bucket at its public endpoint",
     "bind a domain of yours to the bucket and say --endpoint=https://DOMAIN --addressing=cname, or upload from an "
     "instance with --internal", CCB_REFUSED},
    {{"SecondLevelDomainForbidden"}, "the server wants the name of the bucket in that of the host",
     "name the endpoint by its host name, not by an IP address, without --addressing=path", CCB_REFUSED},
    /* the object */
    {{"InvalidObjectName"}, "the server takes no such name for an object", "choose another name", CCB_REFUSED},
    {{"KeyTooLongError"}, "the object's name is too long", "choose a shorter name", CCB_REFUSED},
    {{"NoSuchKey"}, "there is no such object", NULL, CCB_REFUSED},
    {{"FileAlreadyExists"}, "an object is there, and the bucket lets none be replaced", "choose another name",
     CCB_REFUSED},
    {{"FileImmutable"}, "the object is under a retention policy", "choose another name", CCB_REFUSED},
    {{"InvalidObjectState"}, "the object that is there is archived", "restore or remove it, or choose another name",
     CCB_REFUSED},
    /* the request */
    {{"NoSuchUpload"}, "the server has forgotten the upload", "run the same command again: it begins anew", CCB_REFUSED},
    {{"InvalidPart"}, "a part has vanished on the server", "run the same command again: it sends what is missing",
     CCB_REFUSED},
    {{"InvalidPartOrder"}, "the server does not take the list of parts", report, CCB_REFUSED},
    {{"EntityTooSmall"}, "the server wants larger parts",
     "say a larger --part-size, as 5M, the least of S3: the upload begins anew with it", CCB_REFUSED},
    {{"EntityTooLarge"}, "the server wants smaller parts or objects",
     "say a smaller --part-size: the upload begins anew with it; OSS takes objects of up to 48.8 TB", CCB_REFUSED},
    {{"InvalidArgument", "InvalidRequest", "MalformedXML"}, "the server does not take the request", report, CCB_REFUSED},
    {{"MissingContentLength"}, "the server does not take the request",
     "a proxy between may change requests: check https_proxy", CCB_REFUSED},
    {{"MethodNotAllowed", "NotImplemented"}, "the server does not know this operation", "check --endpoint", CCB_REFUSED},
    {{"QuotaExceeded", "StorageQuotaExceeded"}, "the bucket or the account is full", "make space", CCB_REFUSED},
    {{"TooManyBuckets"}, "the account has too many buckets", NULL, CCB_REFUSED},
    {{"KmsServiceNotEnabled"}, "the bucket is encrypted, and KMS is not activated",
     "activate KMS, or choose another bucket", CCB_REFUSED},
    /* what passes by itself */
    {{"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"}, "what arrived is not what was sent", later,
     CCB_PASSING},
    {{"IncompleteBody"}, "the connection broke off", later, CCB_PASSING},
    {{"RequestTimeout"}, "the connection stood still for too long", later, CCB_PASSING},
    {{"OperationAborted"}, "another request is at work on the object", later, CCB_PASSING},
    {{"InternalError"}, "the server is in trouble", later, CCB_PASSING},
    {{"ServiceUnavailable"}, "the server is overloaded", later, CCB_PASSING},
    {{"SlowDown", "TotalQpsLimitExceeded", "Throttling"}, "the server wants fewer requests",
     "say a lower --connections", CCB_PASSING},
    {{"UploadTrafficRateLimitExceeded"}, "the server wants fewer bytes a second", "say --limit-rate", CCB_PASSING},
};
/* clang-format on */

static const char *field(const CcbRefusal *refusal, const char *name)
{
    return refusal->xml != NULL ? ccb_xml_get(refusal->xml->fields, name) : "";
}

static const Meaning *find_meaning(const CcbRefusal *refusal)
{
    const char *code = refusal->code;
    /* If a bucket is in another region, OSS says that access is denied, and where the bucket is. */
    if (strcmp(code, "AccessDenied") == 0 && *field(refusal, "Endpoint") != '\0')
        code = "PermanentRedirect";
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
        if (g_strv_contains(meanings[i].codes, code))
            return &meanings[i];
    return NULL;
}

CcbRefusalKind ccb_refusal_kind(const CcbRefusal *refusal)
{
    const Meaning *meaning = find_meaning(refusal);
    if (meaning != NULL)
        return meaning->kind;
    return ccb_http_status_is_transient(refusal->status) ? CCB_PASSING : CCB_REFUSED;
}

/* A field of the answer, or the beginning of it, fit for a terminal; caller frees. */
static char *printable(const CcbRefusal *refusal, const char *name)
{
    enum { MAX = 300 };
    g_autofree char *beginning = g_strndup(field(refusal, name), MAX);
    return ccb_name_printable(beginning);
}

/* What it means in our words, then what the server said, in brackets. */
static void describe(const CcbRefusal *refusal, const Meaning *meaning, GError **error)
{
    g_autofree char *code = printable(refusal, "Code");
    g_autofree char *message = printable(refusal, "Message");
    g_autofree char *id = printable(refusal, "RequestId");
    g_autofree char *length = ccb_format_seconds((double)ABS(refusal->ahead_s));
    g_autoptr(GString) text = g_string_new(NULL);
    if (meaning == NULL)
        g_string_append(text, refusal->status == 403 ? "the server does not allow it"
                                                     : "the server refuses");
    else if (meaning->what == clocks_differ && refusal->ahead_s != 0)
        g_string_append_printf(text, "this host's clock is %s %s the server's", length,
                               refusal->ahead_s > 0 ? "ahead of" : "behind");
    else
        g_string_append(text, meaning->what);
    g_string_append_printf(text, " (HTTP %ld", refusal->status);
    if (*code != '\0')
        g_string_append_printf(text, ", %s", code);
    if (*message != '\0')
        g_string_append_printf(text, ": %s", message);
    if (*id != '\0')
        g_string_append_printf(text, "; request %s", id);
    ccb_fail(error, CCB_ERR_FETCH, "%s)", text->str);
}

GError *ccb_refusal_explain(const CcbRefusal *refusal)
{
    GError *error = NULL;
    const Meaning *meaning = find_meaning(refusal);
    describe(refusal, meaning, &error);
    /* The server may say what would have been right. */
    g_autofree char *region = printable(refusal, "Region");
    g_autofree char *endpoint = printable(refusal, "Endpoint");
    g_autofree char *least = printable(refusal, "MinSizeAllowed");
    if (meaning != NULL && meaning->hint == check_source)
        ccb_hint(&error, "they come from %s: check them there", refusal->where);
    else if (*region != '\0')
        ccb_hint(&error, "say --region=%s", region);
    else if (*endpoint != '\0')
        ccb_hint(&error, "the server says to use the endpoint %s: check --region and --endpoint",
                 endpoint);
    else if (*least != '\0')
        ccb_hint(&error, "say --part-size=%s, or a larger one: the upload begins anew with it",
                 least);
    else if (meaning != NULL && meaning->hint != NULL)
        ccb_hint(&error, "%s", meaning->hint);
    else if (meaning == NULL && refusal->status >= 500)
        ccb_hint(&error, "%s", later);
    return error;
}
