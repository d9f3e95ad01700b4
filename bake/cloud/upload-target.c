/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-target.h"

#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "cloud/oss.h"
#include "http/handle.h"

static const char oss_domain[] = ".aliyuncs.com";

void ccb_target_free(CcbTarget *target)
{
    if (target == NULL)
        return;
    g_free(target->bucket);
    g_free(target->key);
    g_free(target->region);
    g_free(target->origin);
    g_free(target->host);
    g_free(target->root);
    g_free(target->server);
    g_free(target->shown);
    g_free(target);
}

static bool split(CcbTarget *target, const char *url, const char *name, CcbNames names,
                  GError **error)
{
    g_autofree char *key = NULL;
    if (!ccb_names_split(url, names, &target->bucket, &key, error))
        return false;
    bool is_folder = *key == '\0' || g_str_has_suffix(key, "/");
    target->key = g_strconcat(key, is_folder ? name : NULL, NULL);
    target->shown = g_strconcat("oss://", target->bucket, "/", target->key, NULL);
    return ccb_names_check_key(target->key, names, error); /* the file's name is part of it now */
}

/* NULL: there is none that we could read.  Caller unrefs. */
static GUri *parse_endpoint(const char *endpoint)
{
    g_autofree char *full =
        strstr(endpoint, "://") ? g_strdup(endpoint) : g_strconcat("https://", endpoint, NULL);
    return g_uri_parse(full, G_URI_FLAGS_HAS_PASSWORD, NULL);
}

bool ccb_target_is_oss(const char *endpoint)
{
    g_autoptr(GUri) uri = endpoint != NULL ? parse_endpoint(endpoint) : NULL;
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    return endpoint == NULL || (host != NULL && g_str_has_suffix(host, oss_domain));
}

/* "s3.oss-cn-beijing-internal.aliyuncs.com" ► "cn-beijing"; NULL: not OSS's.  Caller frees. */
static char *region_of(const char *endpoint)
{
    g_autoptr(GUri) uri = endpoint != NULL ? parse_endpoint(endpoint) : NULL;
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    /* The bucket, before it, may be called so. */
    const char *begin = host != NULL ? g_strrstr(host, "oss-") : NULL;
    if (begin == NULL || !g_str_has_suffix(host, oss_domain))
        return NULL;
    char *region = g_strndup(begin + 4, strcspn(begin + 4, "."));
    if (g_str_has_suffix(region, "-internal"))
        region[strlen(region) - strlen("-internal")] = '\0';
    return region;
}

static bool set_region(CcbTarget *target, const CcbTargetPlace *place, GError **error)
{
    static const char prefix[] = "oss-"; /* some tools write "oss-cn-beijing" */
    g_autofree char *of_host = region_of(place->endpoint);
    const char *region = place->region ? place->region : of_host ? of_host : place->fallback;
    if (region == NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "the region of %s is not known", target->shown);
        return ccb_hint(error, "say --region=cn-beijing, or whichever the bucket is in");
    }
    if (g_str_has_prefix(region, prefix))
        region += strlen(prefix);
    if (*region == '\0' || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "\"%s\" is not the name of a region", region);
    target->region = g_strdup(region);
    return true;
}

static bool begins_with_bucket(const char *host, const char *bucket)
{
    size_t size = strlen(bucket);
    return g_ascii_strncasecmp(host, bucket, size) == 0 &&
           (host[size] == '.' || host[size] == '\0');
}

/* Never CCB_ADDRESSING_DEFAULT.  A host of another server that is called as the bucket may be meant:
 * there, who says virtual gets it. */
static CcbAddressing choose_addressing(CcbAddressing wanted, const char *host, const char *bucket)
{
    bool is_open = wanted == CCB_ADDRESSING_DEFAULT ||
                   (wanted == CCB_ADDRESSING_VIRTUAL && g_str_has_suffix(host, oss_domain));
    if (!is_open)
        return wanted;
    return g_hostname_is_ip_address(host)     ? CCB_ADDRESSING_PATH
           : begins_with_bucket(host, bucket) ? CCB_ADDRESSING_CNAME
                                              : CCB_ADDRESSING_VIRTUAL;
}

/* The authority of an endpoint, with the bucket in it or not. */
static void set_place(CcbTarget *target, CcbAddressing wanted, const char *protocol,
                      const char *host, int port)
{
    CcbAddressing addressing = choose_addressing(wanted, host, target->bucket);
    bool is_default = port < 0 || port == (strcmp(protocol, "https") == 0 ? 443 : 80);
    g_autofree char *authority = strchr(host, ':') ? g_strdup_printf("[%s]", host) /* IPv6 */
                                                   : g_strdup(host);
    g_autofree char *suffix = is_default ? g_strdup("") : g_strdup_printf(":%d", port);
    target->host = addressing == CCB_ADDRESSING_VIRTUAL
                       ? g_strconcat(target->bucket, ".", authority, suffix, NULL)
                       : g_strconcat(authority, suffix, NULL);
    target->root = addressing == CCB_ADDRESSING_PATH ? g_strconcat("/", target->bucket, "/", NULL)
                                                     : g_strdup("/");
    target->origin = g_strconcat(protocol, "://", target->host, NULL);
    target->in_clear = strcmp(protocol, "http") == 0 && !ccb_http_is_this_host(host);
}

static bool is_host(const char *host)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";
    return host != NULL && *host != '\0' && host[strspn(host, letters)] == '\0';
}

static bool refuse_endpoint(const char *endpoint, GError **error)
{
    /* What may be a password is not repeated. */
    const char *shown = strchr(endpoint, '@') ? "(something with \"@\")" : endpoint;
    ccb_fail(error, CCB_ERR_USAGE, "--endpoint=%s: not a place of a server", shown);
    return ccb_hint(error,
                    "write https://HOST or http://HOST:PORT; the bucket is named in the URL of "
                    "the object");
}

static bool check_addressing(CcbAddressing addressing, const char *host, GError **error)
{
    if (addressing != CCB_ADDRESSING_VIRTUAL || !g_hostname_is_ip_address(host))
        return true;
    ccb_fail(error, CCB_ERR_USAGE,
             "--addressing=virtual: %s is an IP address, which has no place for the bucket", host);
    return ccb_hint(error, "name the endpoint by its host name, or say --addressing=path");
}

static bool set_endpoint(CcbTarget *target, const CcbTargetPlace *place, GError **error)
{
    const char *endpoint = place->endpoint;
    g_autoptr(GUri) uri = parse_endpoint(endpoint);
    if (uri == NULL || !is_host(g_uri_get_host(uri)))
        return refuse_endpoint(endpoint, error);
    const char *protocol = g_uri_get_scheme(uri), *path = g_uri_get_path(uri);
    bool bare = g_uri_get_userinfo(uri) == NULL && g_uri_get_query(uri) == NULL &&
                (*path == '\0' || strcmp(path, "/") == 0);
    if (!bare || (strcmp(protocol, "https") != 0 && strcmp(protocol, "http") != 0))
        return refuse_endpoint(endpoint, error);
    if (!check_addressing(place->addressing, g_uri_get_host(uri), error))
        return false;
    set_place(target, place->addressing, protocol, g_uri_get_host(uri), g_uri_get_port(uri));
    return true;
}

static bool set_oss(CcbTarget *target, const CcbTargetPlace *place, GError **error)
{
    if (place->addressing == CCB_ADDRESSING_PATH || place->addressing == CCB_ADDRESSING_CNAME) {
        ccb_fail(error, CCB_ERR_USAGE, "--addressing=path or cname is for an --endpoint");
        return ccb_hint(error,
                        "say --endpoint=https://DOMAIN, or leave --addressing out: OSS's own "
                        "endpoints know virtual only");
    }
    g_autofree char *host = g_strdup_printf("s3.oss-%s%s%s", target->region,
                                            place->internal ? "-internal" : "", oss_domain);
    set_place(target, CCB_ADDRESSING_VIRTUAL, "https", host, -1);
    return true;
}

CcbTarget *ccb_target_parse(const char *url, const char *name, const CcbTargetPlace *place,
                            GError **error)
{
    g_autoptr(CcbTarget) target = g_new0(CcbTarget, 1);
    target->is_oss = ccb_target_is_oss(place->endpoint);
    if (!split(target, url, name, target->is_oss ? CCB_NAMES_OSS : CCB_NAMES_S3, error) ||
        !set_region(target, place, error))
        return NULL;
    if (!(place->endpoint ? set_endpoint(target, place, error) : set_oss(target, place, error)))
        return NULL;
    target->server = g_strdup(target->is_oss ? target->region : target->origin);
    return g_steal_pointer(&target);
}
