/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake upload`: an image into a bucket, from where the cloud imports it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "cloud/upload.h"

static struct {
    const char *region, *endpoint, *addressing, *profile, *abort_stale, *format;
    uint64_t part_size, limit_rate; /* bytes, bytes a second */
    unsigned connections;
    bool internal, force, whoami;
} opts = {.connections = CCB_CONNECTIONS, .format = "text"};

static const CcbOption options[] = {
    {"region", 'r', CCB_OPT_STRING, &opts.region, "REGION", "of the bucket: cn-beijing"},
    {"internal", 0, CCB_OPT_FLAG, &opts.internal, NULL,
     "through the region's own network, from an instance in it"},
    {"endpoint", 'e', CCB_OPT_STRING, &opts.endpoint, "URL", "another server that speaks S3"},
    {"addressing", 0, CCB_OPT_STRING, &opts.addressing, "virtual|path|cname",
     "where the bucket is: before the endpoint's host, in the path, or the host is the bucket"},
    {"profile", 'p', CCB_OPT_STRING, &opts.profile, "NAME",
     "take the credentials of this profile of the aliyun tool"},
    {"force", 'f', CCB_OPT_FLAG, &opts.force, NULL, "replace another object"},
    {"part-size", 0, CCB_OPT_SIZE, &opts.part_size, "SIZE", "of a part, as 16M"},
    {"connections", 0, CCB_OPT_NUMBER, &opts.connections, "N", "parts at a time; default 4"},
    {"limit-rate", 0, CCB_OPT_SIZE, &opts.limit_rate, "RATE",
     "bytes a second at most, as 500k or 20M"},
    {"abort-stale", 0, CCB_OPT_STRING, &opts.abort_stale, "DAYS",
     "instead: abort unfinished uploads that are at least so old"},
    {"whoami", 0, CCB_OPT_FLAG, &opts.whoami, NULL, "instead: say whose credentials are used"},
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "how the result is printed (text)"),
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* One of the words that the table above has. */
static CcbAddressing addressing(void)
{
    if (opts.addressing == NULL)
        return CCB_ADDRESSING_DEFAULT;
    if (strcmp(opts.addressing, "virtual") == 0)
        return CCB_ADDRESSING_VIRTUAL;
    return strcmp(opts.addressing, "path") == 0 ? CCB_ADDRESSING_PATH : CCB_ADDRESSING_CNAME;
}

/* Credentials may know the region, which says where the server is. */
static CcbTarget *parse_target(const char *url, const char *name, const CcbCredentials *credentials,
                               GError **error)
{
    const CcbTargetPlace place = {
        .region = opts.region,
        .fallback = credentials->region,
        .endpoint = opts.endpoint,
        .internal = opts.internal,
        .addressing = addressing(),
    };
    return ccb_target_parse(url, name, &place, error);
}

/* What is wrong with the command line, before files are opened and credentials looked for. */
static bool check_target(const char *url, const char *name, GError **error)
{
    static const CcbCredentials unknown = {.region = "unknown"};
    if (opts.internal && opts.endpoint != NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "--internal and --endpoint exclude each other");
    g_autoptr(CcbTarget) target = parse_target(url, name, &unknown, error);
    return target != NULL;
}

/* A domain of one's own is how new accounts reach their buckets of OSS. */
static bool is_other_server(void)
{
    return !ccb_target_is_oss(opts.endpoint) && addressing() != CCB_ADDRESSING_CNAME;
}

static bool open_s3(const char *url, const char *name, CcbS3 *ret, GError **error)
{
    CcbCredentialsOptions wanted = {.profile = opts.profile, .others = is_other_server()};
    ccb_secret_guard();
    ret->credentials = ccb_credentials_find(&wanted, error);
    ret->target = ret->credentials ? parse_target(url, name, ret->credentials, error) : NULL;
    ret->pool = ccb_http_pool_new();
    if (ret->target == NULL)
        return false;
    /* A token is sent as it is; a secret key only signs. */
    if (!ret->target->in_clear || ret->credentials->token == NULL)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "--endpoint=%s: a session token can be read on its way by http",
             opts.endpoint);
    return ccb_hint(error, "use https, or an access key that needs no token");
}

static void close_s3(CcbS3 *s3)
{
    ccb_credentials_free(s3->credentials);
    ccb_target_free(s3->target);
    ccb_http_pool_free(s3->pool);
}

static void show(const CcbS3 *s3, const CcbUploadResult *result)
{
    const CcbTarget *target = s3->target;
    g_autofree char *sent = ccb_format_size(result->sent);
    if (g_str_equal(opts.format, "json"))
        ccb_print_json_in_order(json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s*}", "result",
            result->current ? "current" : "uploaded", "bucket", target->bucket, "key", target->key,
            "region", target->region, "url", target->shown, "sha256", result->sha256, "size",
            (json_int_t)result->size, "sent", (json_int_t)result->sent, "etag", result->etag));
    if (result->current)
        ccb_progress_result("current", target->shown, " is this image: nothing to do");
    else
        ccb_progress_result("uploaded", target->shown, " (%s sent, sha256 %.12s)", sent,
                            result->sha256);
}

static bool upload(const char *image, const char *url, GError **error)
{
    enum { LEAST_RATE = 64 << 10 }; /* less would look like a connection that stands still */
    const CcbUploadOptions wanted = {
        .part_size = opts.part_size,
        .bytes_per_s = opts.limit_rate,
        .connections = opts.connections,
        .force = opts.force,
    };
    if (opts.connections < 1 || opts.connections > CCB_CONNECTIONS_MAX)
        return ccb_fail(error, CCB_ERR_USAGE, "--connections=%u: expected 1 to %d",
                        opts.connections, CCB_CONNECTIONS_MAX);
    if (opts.limit_rate > 0 && opts.limit_rate < LEAST_RATE)
        return ccb_fail(error, CCB_ERR_USAGE, "--limit-rate=%" PRIu64 ": at least 64k",
                        opts.limit_rate);
    g_autofree char *name = g_path_get_basename(image);
    if (!check_target(url, name, error))
        return false;
    g_autoptr(CcbSource) source = ccb_source_open(image, error);
    if (source == NULL)
        return false;
    CcbS3 s3 = {0};
    g_auto(CcbUploadResult) result = {0};
    bool ok = open_s3(url, name, &s3, error) && ccb_upload(&s3, source, &wanted, &result, error);
    if (ok)
        show(&s3, &result);
    close_s3(&s3);
    return ok;
}

static bool abort_stale(const char *url, GError **error)
{
    guint64 days;
    CcbS3 s3 = {0};
    if (!g_ascii_string_to_unsigned(opts.abort_stale, 10, 0, 36500, &days, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "--abort-stale=%s: expected a number of days",
                        opts.abort_stale);
    g_autoptr(GPtrArray) aborted = NULL;
    if (check_target(url, NULL, error) && open_s3(url, NULL, &s3, error))
        aborted = ccb_stale_abort(&s3, (unsigned)days, error);
    for (guint i = 0; aborted != NULL && i < aborted->len; i++) {
        const CcbUnfinished *unfinished = aborted->pdata[i];
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(unfinished->begun);
        g_autofree char *begun = g_date_time_format(time, "%F %T");
        g_autofree char *key = ccb_name_printable(unfinished->key);
        printf("aborted  oss://%s/%s, begun %s\n", s3.target->bucket, key, begun);
    }
    close_s3(&s3);
    return aborted != NULL;
}

/* Prints the source of the credentials, the ends of the access key ID and, for a server of Alibaba
 * Cloud's, the ARN, which STS is asked for: a warning where it does not answer. */
static bool whoami(GError **error)
{
    const CcbCredentialsOptions whose = {.profile = opts.profile, .others = is_other_server()};
    ccb_secret_guard();
    g_autoptr(CcbCredentials) credentials = ccb_credentials_find(&whose, error);
    if (credentials == NULL)
        return false;
    g_autoptr(GError) reason = NULL;
    g_autofree char *id = ccb_credentials_shown_id(credentials);
    g_autofree char *arn = whose.others ? NULL : ccb_credentials_ask_arn(credentials, &reason);
    if (reason != NULL && ccb_exit_code(reason) == CCB_ERR_CANCELLED) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if (reason != NULL)
        ccb_warn("the ARN is not known: %s", reason->message);
    if (g_str_equal(opts.format, "json"))
        ccb_print_json_in_order(json_pack("{s:s, s:s, s:s*}", "access_key_id", id, "source",
                                          credentials->source, "arn", arn));
    else
        printf("source: %s; access key ID: %s%s%s\n", credentials->source, id, arn ? "; ARN: " : "",
               arn ? arn : "");
    return true;
}

static bool run(int argc, char **argv, GError **error)
{
    int wanted = opts.abort_stale != NULL ? 1 : 2;
    if (opts.whoami)
        return argc == 0 ? whoami(error)
                         : ccb_fail(error, CCB_ERR_USAGE, "upload --whoami: expected no arguments");
    if (argc != wanted) {
        ccb_fail(error, CCB_ERR_USAGE, "upload: expected %s",
                 wanted == 1 ? "a place alone" : "an image and a place");
        return ccb_hint(error, "usage: ccbake upload IMAGE oss://BUCKET/KEY, or ccbake upload "
                               "--abort-stale=DAYS oss://BUCKET/[PREFIX]");
    }
    return opts.abort_stale != NULL ? abort_stale(argv[0], error) : upload(argv[0], argv[1], error);
}

const CcbVerb ccb_verb_upload = {
    .name = "upload",
    .arguments = "IMAGE oss://BUCKET/KEY",
    .summary = "upload an image into a bucket of OSS, or S3",
    .options = options,
    .min_args = 0,
    .max_args = 2,
    .run = run,
};
