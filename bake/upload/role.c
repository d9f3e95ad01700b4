/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upload/role.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "http/exchange.h"

/* "Instance metadata" and "Instance RAM roles" in the documentation of ECS: the service is asked in
 * its second version, with a token, which a request that was forged from outside can't have. */
static const char service[] = "http://100.100.100.200";
static const char path[] = "/latest/meta-data/ram/security-credentials/";

enum { TOKEN_S = 60, STALL_S = 5 };

static const char *base_url(void)
{
    const char *own = g_getenv("CCBAKE_ECS_METADATA"); /* for tests */
    return own != NULL ? own : service;
}

/* The body of the answer (to be freed with ccb_secret_clear()), or NULL. */
static char *ask(const char *method, const char *where, const char *header, GError **error)
{
    g_autoptr(CcbHttpPool) pool = ccb_http_pool_new();
    g_autofree char *url = g_strconcat(base_url(), where, NULL);
    const char *const headers[] = {header, NULL};
    CcbHttpRequest request = {
        .method = method, .url = url, .headers = headers, .stall_s = STALL_S, .direct = true};
    g_autoptr(CcbHttpExchange) exchange = ccb_http_exchange_new(&request);
    if (!ccb_http_pool_run(pool, exchange, error))
        return NULL;
    const GError *reason = ccb_http_exchange_error(exchange);
    long status = ccb_http_exchange_status(exchange);
    if (reason != NULL)
        ccb_fail(error, CCB_ERR_FETCH, "%s", reason->message);
    else if (status != 200)
        ccb_fail(error, CCB_ERR_FETCH, "HTTP %ld", status);
    else
        return g_strdup(ccb_http_exchange_body(exchange)->str);
    g_prefix_error(error, "the instance's metadata service (%s): ", base_url());
    return NULL;
}

static char *get(const char *where, GError **error)
{
    g_autofree char *lifetime =
        g_strdup_printf("X-aliyun-ecs-metadata-token-ttl-seconds: %d", TOKEN_S);
    char *token = ask("PUT", "/latest/api/token", lifetime, error);
    if (token == NULL)
        return NULL;
    char *header = g_strconcat("X-aliyun-ecs-metadata-token: ", g_strstrip(token), NULL);
    char *answer = ask("GET", where, header, error);
    ccb_secret_clear(&header);
    ccb_secret_clear(&token);
    return answer;
}

static bool is_name(const char *role)
{
    return *role != '\0' && strlen(role) <= 64 &&
           strspn(role, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               strlen(role);
}

bool ccb_role_find(CcbCredentials **ret, GError **error)
{
    const char *named = g_getenv("ALIBABA_CLOUD_ECS_METADATA");
    const char *off = g_getenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
    if (off != NULL && g_ascii_strcasecmp(off, "true") == 0)
        return true;
    g_autoptr(GError) reason = NULL;
    g_autofree char *role = named ? g_strdup(named) : get(path, &reason);
    if (reason != NULL && ccb_exit_code(reason) == CCB_ERR_CANCELLED) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if (role == NULL || !is_name(g_strstrip(role)))
        return true;
    *ret = g_new0(CcbCredentials, 1);
    (*ret)->role = g_steal_pointer(&role);
    (*ret)->source = g_strdup_printf("the instance's RAM role %s", (*ret)->role);
    return true;
}

static gint64 parse_time(const char *text)
{
    g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    return time != NULL ? g_date_time_to_unix(time) : 0;
}

static bool take(CcbCredentials *credentials, const json_t *answer, GError **error)
{
    const char *id = NULL, *secret = NULL, *token = NULL, *expires = NULL;
    if (json_unpack((json_t *)answer, "{s:s, s:s, s:s, s?s}", "AccessKeyId", &id, "AccessKeySecret",
                    &secret, "SecurityToken", &token, "Expiration", &expires) != 0)
        return ccb_fail(error, CCB_ERR_FETCH, "the metadata service has no keys of %s",
                        credentials->source);
    ccb_secret_clear(&credentials->id);
    ccb_secret_clear(&credentials->secret);
    ccb_secret_clear(&credentials->token);
    credentials->id = g_strdup(id);
    credentials->secret = g_strdup(secret);
    credentials->token = g_strdup(token);
    credentials->expires = parse_time(expires);
    return true;
}

static bool ask_name(CcbCredentials *credentials, GError **error)
{
    g_autofree char *role = get(path, error);
    if (role == NULL)
        return false;
    if (!is_name(g_strstrip(role)))
        return ccb_fail(error, CCB_ERR_HOST, "this instance has no RAM role");
    g_free(credentials->role);
    credentials->role = g_steal_pointer(&role);
    return true;
}

/* Where nobody has said it, the bucket is taken to be in the instance's region. */
static void ask_region(CcbCredentials *credentials)
{
    g_autofree char *region = get("/latest/meta-data/region-id", NULL);
    if (region != NULL)
        credentials->region = g_strdup(g_strstrip(region));
}

bool ccb_role_ask(CcbCredentials *credentials, GError **error)
{
    if (*credentials->role == '\0' && !ask_name(credentials, error))
        return false;
    g_autofree char *where = g_strconcat(path, credentials->role, NULL);
    char *text = get(where, error);
    if (text == NULL)
        return false;
    json_t *answer = json_loads(text, 0, NULL);
    ccb_secret_clear(&text);
    bool ok = take(credentials, answer, error);
    json_decref(answer);
    if (ok && credentials->region == NULL)
        ask_region(credentials);
    return ok;
}
