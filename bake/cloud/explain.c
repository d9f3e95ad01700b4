/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/explain.h"

#include <string.h>

#include "base/error.h"
#include "base/quantity.h"
#include "base/text.h"

typedef struct {
    const char *code;
    CcbRefusalKind kind;
    const char *what;
    const char *hint; /* NULL: there is nothing to do but what `what` says */
} Meaning;

static const char check_source[] = "check the credentials";
static const char later[] = "run the same command again later: it goes on where it stopped";
static const char new_token[] =
    "get a new token and run the same command again: it goes on where it stopped";
static const char wrong_region[] = "the bucket is in another region than --region says";
static const char report[] = "please report this, with the line above";

static const Meaning meanings[] = {
    /* who asks */
    {"InvalidAccessKeyId", CCB_REFUSED, "the server does not know this access key ID",
     check_source},
    {"SignatureDoesNotMatch", CCB_REFUSED,
     "the access key secret does not belong to this access key ID", check_source},
    {"AccessDenied", CCB_REFUSED, "these credentials do not allow it",
     "an upload needs oss:GetObject, oss:PutObject, oss:ListParts, oss:AbortMultipartUpload and "
     "oss:DeleteObject on the object; --abort-stale needs oss:ListMultipartUploads on the bucket"},
    {"AccountProblem", CCB_REFUSED, "there is a problem with the account",
     "ask the provider's support"},
    {"UserDisable", CCB_REFUSED, "the account is disabled, or owes payment",
     "settle that in the provider's console"},
    {"NotSignedUp", CCB_REFUSED, "the account has not activated the storage service",
     "activate it in the provider's console"},
    {"ExpiredToken", CCB_EXPIRED, "the session token has expired", new_token},
    {"SecurityTokenExpired", CCB_EXPIRED, "the session token has expired", new_token},
    {"TokenRefreshRequired", CCB_EXPIRED, "the session token has to be renewed", new_token},
    {"InvalidToken", CCB_EXPIRED, "the session token is malformed or no longer valid", new_token},
    {"InvalidSecurityToken", CCB_EXPIRED, "the session token is malformed or no longer valid",
     new_token},
    {"SecurityTokenNotSupported", CCB_REFUSED, "the server takes no session tokens",
     "use an access key of a user"},
    {"RequestTimeTooSkewed", CCB_REFUSED, "the clocks of this host and of the server differ",
     "set this host's clock (chronyc makestep, or timedatectl set-ntp true)"},
    {"RequestExpired", CCB_REFUSED, "the clocks of this host and of the server differ",
     "set this host's clock (chronyc makestep, or timedatectl set-ntp true)"},
    /* where to */
    {"NoSuchBucket", CCB_REFUSED, "there is no such bucket",
     "check name, --region and --endpoint, or create it: ccbake does not"},
    {"InvalidBucketName", CCB_REFUSED, "the server takes no such name for a bucket",
     "check the name"},
    {"AuthorizationHeaderMalformed", CCB_REFUSED, wrong_region, "say the right --region"},
    {"AuthorizationQueryParametersError", CCB_REFUSED, wrong_region, "say the right --region"},
    {"PermanentRedirect", CCB_REFUSED, wrong_region, "say the right --region or --endpoint"},
    {"TemporaryRedirect", CCB_REFUSED, wrong_region, "say the right --region or --endpoint"},
    {"Redirect", CCB_REFUSED, wrong_region, "say the right --region or --endpoint"},
    {"IllegalLocationConstraintException", CCB_REFUSED, wrong_region, "say the right --region"},
    {"PublicEndpointForbidden", CCB_REFUSED,
     "OSS does not serve this bucket at its public endpoint",
     "bind a domain of yours to the bucket and say --endpoint=https://DOMAIN "
     "--addressing=cname, or upload from an instance with --internal"},
    {"SecondLevelDomainForbidden", CCB_REFUSED,
     "the server wants the name of the bucket in that of the host",
     "name the endpoint by its host name, not by an IP address, without --addressing=path"},
    {"InvalidObjectName", CCB_REFUSED, "the server takes no such name for an object",
     "choose another name"},
    {"KeyTooLongError", CCB_REFUSED, "the object's name is too long", "choose a shorter name"},
    {"NoSuchKey", CCB_REFUSED, "there is no such object", NULL},
    {"FileAlreadyExists", CCB_REFUSED, "an object is there, and the bucket lets none be replaced",
     "choose another name"},
    {"FileImmutable", CCB_REFUSED, "the object is under a retention policy", "choose another name"},
    {"InvalidObjectState", CCB_REFUSED, "the object that is there is archived",
     "restore or remove it, or choose another name"},
    /* what */
    {"NoSuchUpload", CCB_REFUSED, "the server has forgotten the upload",
     "run the same command again: it begins anew"},
    {"InvalidPart", CCB_REFUSED, "a part has vanished on the server",
     "run the same command again: it sends what is missing"},
    {"InvalidPartOrder", CCB_REFUSED, "the server does not take the list of parts", report},
    {"EntityTooSmall", CCB_REFUSED, "the server wants larger parts",
     "say a larger --part-size, as 5M, the least of S3: the upload begins anew with it"},
    {"EntityTooLarge", CCB_REFUSED, "the server wants smaller parts or objects",
     "say a smaller --part-size: the upload begins anew with it; OSS takes objects of up to "
     "48.8 TB"},
    {"InvalidArgument", CCB_REFUSED, "the server does not take the request", report},
    {"InvalidRequest", CCB_REFUSED, "the server does not take the request", report},
    {"MalformedXML", CCB_REFUSED, "the server does not take the request", report},
    {"MissingContentLength", CCB_REFUSED, "the server does not take the request",
     "a proxy between may change requests: check https_proxy"},
    {"MethodNotAllowed", CCB_REFUSED, "the server does not know this operation",
     "check --endpoint"},
    {"NotImplemented", CCB_REFUSED, "the server does not know this operation", "check --endpoint"},
    {"QuotaExceeded", CCB_REFUSED, "the bucket or the account is full", "make space"},
    {"StorageQuotaExceeded", CCB_REFUSED, "the bucket or the account is full", "make space"},
    {"TooManyBuckets", CCB_REFUSED, "the account has too many buckets", NULL},
    {"KmsServiceNotEnabled", CCB_REFUSED, "the bucket is encrypted, and KMS is not activated",
     "activate KMS, or choose another bucket"},
    /* on the way */
    {"BadDigest", CCB_PASSING, "what arrived is not what was sent", later},
    {"InvalidDigest", CCB_PASSING, "what arrived is not what was sent", later},
    {"XAmzContentSHA256Mismatch", CCB_PASSING, "what arrived is not what was sent", later},
    {"IncompleteBody", CCB_PASSING, "the connection broke off", later},
    {"RequestTimeout", CCB_PASSING, "the connection stood still for too long", later},
    {"OperationAborted", CCB_PASSING, "another request is at work on the object", later},
    {"InternalError", CCB_PASSING, "the server is in trouble", later},
    {"ServiceUnavailable", CCB_PASSING, "the server is overloaded", later},
    {"SlowDown", CCB_PASSING, "the server wants fewer requests", "say a lower --connections"},
    {"TotalQpsLimitExceeded", CCB_PASSING, "the server wants fewer requests",
     "say a lower --connections"},
    {"Throttling", CCB_PASSING, "the server wants fewer requests", "say a lower --connections"},
    {"UploadTrafficRateLimitExceeded", CCB_PASSING, "the server wants fewer bytes a second",
     "say --limit-rate"},
};

static const Meaning *find(const char *code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
        if (strcmp(meanings[i].code, code) == 0)
            return &meanings[i];
    return NULL;
}

static const char *field(const CcbRefusal *refusal, const char *name)
{
    return refusal->xml != NULL ? ccb_xml_get(refusal->xml->fields, name) : "";
}

/* OSS says of a bucket in another region that access is denied, and where it is. */
static const Meaning *find_meaning(const CcbRefusal *refusal)
{
    bool elsewhere =
        strcmp(refusal->code, "AccessDenied") == 0 && *field(refusal, "Endpoint") != '\0';
    return find(elsewhere ? "PermanentRedirect" : refusal->code);
}

CcbRefusalKind ccb_refusal_kind(const CcbRefusal *refusal)
{
    const Meaning *meaning = find_meaning(refusal);
    if (meaning != NULL)
        return meaning->kind;
    bool passing = refusal->status == 408 || refusal->status == 429 || refusal->status >= 500;
    return passing ? CCB_PASSING : CCB_REFUSED;
}

/* The beginning of a server's text, fit for a terminal; caller frees. */
static char *printable(const char *text)
{
    enum { MAX = 300 };
    g_autofree char *beginning = g_strndup(text, MAX);
    return ccb_name_printable(beginning);
}

/* What the server itself gives as the reason, in brackets. */
static char *quote(const CcbRefusal *refusal)
{
    g_autofree char *code = printable(refusal->code);
    g_autofree char *message = printable(field(refusal, "Message"));
    g_autofree char *id = printable(field(refusal, "RequestId"));
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "HTTP %ld", refusal->status);
    if (*code != '\0')
        g_string_append_printf(text, ", %s", code);
    if (*message != '\0')
        g_string_append_printf(text, ": %s", message);
    if (*id != '\0')
        g_string_append_printf(text, "; request %s", id);
    return g_string_free(text, FALSE);
}

static char *clock_words(gint64 ahead_s)
{
    if (ahead_s == 0)
        return g_strdup("the clocks of this host and of the server differ");
    g_autofree char *length = ccb_format_seconds((double)ABS(ahead_s));
    return g_strdup_printf("this host's clock is %s %s the server's", length,
                           ahead_s > 0 ? "ahead of" : "behind");
}

static char *words(const CcbRefusal *refusal, const Meaning *meaning)
{
    if (meaning == NULL)
        return g_strdup(refusal->status == 403 ? "the server does not allow it"
                                               : "the server refuses");
    if (strcmp(refusal->code, "RequestTimeTooSkewed") == 0)
        return clock_words(refusal->ahead_s);
    return g_strdup(meaning->what);
}

/* Where the server says what would have been right, so does the hint. */
static void add_hint(GError **error, const CcbRefusal *refusal, const Meaning *meaning)
{
    g_autofree char *region = printable(field(refusal, "Region"));
    g_autofree char *endpoint = printable(field(refusal, "Endpoint"));
    g_autofree char *least = printable(field(refusal, "MinSizeAllowed"));
    if (meaning != NULL && meaning->hint == check_source)
        ccb_hint(error, "they come from %s: check them there", refusal->where);
    else if (*region != '\0')
        ccb_hint(error, "say --region=%s", region);
    else if (*endpoint != '\0')
        ccb_hint(error, "the server says to use the endpoint %s: check --region and --endpoint",
                 endpoint);
    else if (*least != '\0')
        ccb_hint(error, "say --part-size=%s, or a larger one: the upload begins anew with it",
                 least);
    else if (meaning != NULL && meaning->hint != NULL)
        ccb_hint(error, "%s", meaning->hint);
    else if (meaning == NULL && refusal->status >= 500)
        ccb_hint(error, "%s", later);
}

GError *ccb_refusal_explain(const CcbRefusal *refusal)
{
    GError *error = NULL;
    const Meaning *meaning = find_meaning(refusal);
    g_autofree char *what = words(refusal, meaning);
    g_autofree char *said = quote(refusal);
    ccb_fail(&error, CCB_ERR_FETCH, "%s (%s)", what, said);
    add_hint(&error, refusal, meaning);
    return error;
}
