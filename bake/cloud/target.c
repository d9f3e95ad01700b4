/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/target.h"

#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "http/handle.h"

static const char oss_domain[] = ".aliyuncs.com";

/* --- Names */

bool ccb_names_check_key(const char *key, CcbNames names, GError **error)
{
    size_t longest = names == CCB_NAMES_S3 ? 1024 : 1023;
    if (!g_utf8_validate(key, -1, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name is not UTF-8");
    if (strlen(key) > longest)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name has more than %zu bytes", longest);
    if (names == CCB_NAMES_OSS && (key[0] == '/' || key[0] == '\\'))
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not begin with \"%c\"",
                        key[0]);
    if (strpbrk(key, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not have a line end in it");
    return true;
}

bool ccb_names_split(const char *url, CcbNames names, char **ret_bucket, char **ret_key,
                     GError **error)
{
    static const char scheme[] = "oss://";
    enum { SHORTEST = 3, LONGEST = 63 };
    if (!g_str_has_prefix(url, scheme))
        return ccb_fail(error, CCB_ERR_USAGE, "%s: not an object like %sBUCKET/KEY", url, scheme);
    const char *name = url + strlen(scheme);
    size_t size = strcspn(name, "/");
    const char *key = name + size + (name[size] == '/');
    g_autofree char *bucket = g_strndup(name, size);
    /* A label of a host name; for S3, several. */
    bool dots = names == CCB_NAMES_S3;
    const char *letters = dots ? G_CSET_a_2_z G_CSET_DIGITS "-." : G_CSET_a_2_z G_CSET_DIGITS "-";
    if (size < SHORTEST || size > LONGEST || !g_ascii_isalnum(bucket[0]) ||
        !g_ascii_isalnum(bucket[size - 1]) || strspn(bucket, letters) != size ||
        strstr(bucket, "..") != NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "\"%s\" can't be the name of a bucket", bucket);
        return ccb_hint(error,
                        "it is part of a host name: 3 to 63 of a-z, 0-9 and \"-\"%s, which is at "
                        "neither end",
                        dots ? " or \".\"" : "");
    }
    if (!ccb_names_check_key(key, names, error))
        return false;
    *ret_bucket = g_steal_pointer(&bucket);
    *ret_key = g_strdup(key);
    return true;
}

/* --- Region and endpoint */

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

/* NULL if the endpoint can't be understood.  Caller unrefs. */
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

/* "s3.oss-cn-beijing-internal.aliyuncs.com" ► "cn-beijing"; NULL if it is not one of OSS.  Caller frees. */
static char *region_of(const char *host)
{
    /* The last one, as the bucket before it may be called so. */
    const char *begin = g_str_has_suffix(host, oss_domain) ? g_strrstr(host, "oss-") : NULL;
    if (begin == NULL)
        return NULL;
    begin += strlen("oss-");
    char *region = g_strndup(begin, strcspn(begin, "."));
    if (g_str_has_suffix(region, "-internal"))
        region[strlen(region) - strlen("-internal")] = '\0';
    return region;
}

/* `host`: of the endpoint, or "". */
static bool set_region(CcbTarget *target, const CcbTargetPlace *place, const char *host,
                       GError **error)
{
    static const char prefix[] = "oss-"; /* some tools write "oss-cn-beijing" */
    g_autofree char *of_host = region_of(host);
    const char *region = place->region ? place->region : of_host ? of_host : place->fallback;
    if (region == NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "the region of %s is not known", target->shown);
        return ccb_hint(error, "say --region=cn-beijing, or whichever the bucket is in");
    }
    if (g_str_has_prefix(region, prefix))
        region += strlen(prefix);
    if (*region == '\0' || region[strspn(region, G_CSET_a_2_z G_CSET_DIGITS "-")] != '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "\"%s\" is not the name of a region", region);
    target->region = g_strdup(region);
    return true;
}

/* Never returns CCB_ADDRESSING_DEFAULT. */
static CcbAddressing choose_addressing(CcbAddressing wanted, const char *host, const char *bucket)
{
    /* OSS's hosts have a fixed form.  The host of another server may have the same name as the bucket, so that
     * "virtual" is taken literally there. */
    bool is_open = wanted == CCB_ADDRESSING_DEFAULT ||
                   (wanted == CCB_ADDRESSING_VIRTUAL && g_str_has_suffix(host, oss_domain));
    size_t size = strlen(bucket);
    if (!is_open)
        return wanted;
    if (g_hostname_is_ip_address(host))
        return CCB_ADDRESSING_PATH;
    bool begins_with_bucket =
        g_ascii_strncasecmp(host, bucket, size) == 0 && (host[size] == '.' || host[size] == '\0');
    return begins_with_bucket ? CCB_ADDRESSING_CNAME : CCB_ADDRESSING_VIRTUAL;
}

/* Everything that depends on the host.  `port`: -1 for the protocol's own. */
static void set_host(CcbTarget *target, CcbAddressing wanted, const char *protocol,
                     const char *host, int port)
{
    CcbAddressing addressing = choose_addressing(wanted, host, target->bucket);
    bool is_default = port < 0 || port == (strcmp(protocol, "https") == 0 ? 443 : 80);
    g_autofree char *suffix = is_default ? g_strdup("") : g_strdup_printf(":%d", port);
    g_autofree char *authority =
        g_strdup_printf(strchr(host, ':') ? "[%s]%s" : "%s%s", host, suffix); /* [IPv6] */
    target->host = addressing == CCB_ADDRESSING_VIRTUAL
                       ? g_strconcat(target->bucket, ".", authority, NULL)
                       : g_steal_pointer(&authority);
    target->root = addressing == CCB_ADDRESSING_PATH ? g_strconcat("/", target->bucket, "/", NULL)
                                                     : g_strdup("/");
    target->origin = g_strconcat(protocol, "://", target->host, NULL);
    target->in_clear = strcmp(protocol, "http") == 0 && !ccb_http_is_this_host(host);
}

/* `uri`: of the endpoint; NULL if it can't be understood.  `host`: its host, or "". */
static bool set_endpoint(CcbTarget *target, const CcbTargetPlace *place, GUri *uri,
                         const char *host, GError **error)
{
    const char *protocol = uri != NULL ? g_uri_get_scheme(uri) : "";
    const char *path = uri != NULL ? g_uri_get_path(uri) : "";
    static const char letters[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-:";
    bool is_host = *host != '\0' && host[strspn(host, letters)] == '\0';
    if (!is_host || g_uri_get_userinfo(uri) != NULL || g_uri_get_query(uri) != NULL ||
        (*path != '\0' && strcmp(path, "/") != 0) ||
        (strcmp(protocol, "https") != 0 && strcmp(protocol, "http") != 0)) {
        /* Something before "@" may be a password, and is not shown. */
        const char *shown =
            strchr(place->endpoint, '@') ? "(something with \"@\")" : place->endpoint;
        ccb_fail(error, CCB_ERR_USAGE, "--endpoint=%s: not a place of a server", shown);
        return ccb_hint(error, "write https://HOST or http://HOST:PORT; the bucket is named in the "
                               "URL of the object");
    }
    if (place->addressing == CCB_ADDRESSING_VIRTUAL && g_hostname_is_ip_address(host)) {
        ccb_fail(error, CCB_ERR_USAGE,
                 "--addressing=virtual: %s is an IP address, which has no place for the bucket",
                 host);
        return ccb_hint(error, "name the endpoint by its host name, or say --addressing=path");
    }
    set_host(target, place->addressing, protocol, host, g_uri_get_port(uri));
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
    set_host(target, CCB_ADDRESSING_VIRTUAL, "https", host, -1);
    return true;
}

CcbTarget *ccb_target_parse(const char *url, const char *name, const CcbTargetPlace *place,
                            GError **error)
{
    g_autoptr(CcbTarget) target = g_new0(CcbTarget, 1);
    g_autoptr(GUri) uri = place->endpoint != NULL ? parse_endpoint(place->endpoint) : NULL;
    const char *host = uri != NULL && g_uri_get_host(uri) != NULL ? g_uri_get_host(uri) : "";
    target->is_oss = place->endpoint == NULL || g_str_has_suffix(host, oss_domain);
    CcbNames names = target->is_oss ? CCB_NAMES_OSS : CCB_NAMES_S3;
    g_autofree char *key = NULL;
    if (!ccb_names_split(url, names, &target->bucket, &key, error))
        return NULL;
    bool is_folder = *key == '\0' || g_str_has_suffix(key, "/");
    target->key = g_strconcat(key, is_folder ? name : NULL, NULL);
    target->shown = g_strconcat("oss://", target->bucket, "/", target->key, NULL);
    if (!ccb_names_check_key(target->key, names, error) || !set_region(target, place, host, error))
        return NULL;
    if (!(place->endpoint ? set_endpoint(target, place, uri, host, error)
                          : set_oss(target, place, error)))
        return NULL;
    target->server = g_strdup(target->is_oss ? target->region : target->origin);
    return g_steal_pointer(&target);
}
