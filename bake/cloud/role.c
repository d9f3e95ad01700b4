/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/role.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "cloud/ask.h"

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
    g_autofree char *url = g_strconcat(base_url(), where, NULL);
    g_autofree char *who = g_strdup_printf("the instance's metadata service (%s)", base_url());
    const char *const headers[] = {header, NULL};
    CcbHttpRequest request = {
        .method = method, .url = url, .headers = headers, .stall_s = STALL_S, .direct = true};
    long status = 0;
    char *body = ccb_ask(&request, who, &status, error);
    if (body != NULL && status != 200) {
        ccb_secret_clear(&body);
        ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld", who, status);
    }
    return body;
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

bool ccb_role_find(char **ret, GError **error)
{
    static const char variable[] = "ALIBABA_CLOUD_ECS_METADATA";
    const char *named = g_getenv(variable);
    const char *off = g_getenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
    if (off != NULL && g_ascii_strcasecmp(off, "true") == 0)
        return true;
    if (named != NULL && *named == '\0')
        named = NULL;
    if (named != NULL && !is_name(named))
        return ccb_fail(error, CCB_ERR_USAGE, "$%s is not the name of a RAM role", variable);
    g_autoptr(GError) reason = NULL;
    g_autofree char *role = named ? g_strdup(named) : get(path, &reason);
    if (reason != NULL && ccb_exit_code(reason) == CCB_ERR_CANCELLED) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if (role != NULL && is_name(g_strstrip(role)))
        *ret = g_steal_pointer(&role);
    return true;
}

static char *ask_name(GError **error)
{
    char *role = get(path, error);
    if (role == NULL || is_name(g_strstrip(role)))
        return role;
    g_free(role);
    ccb_fail(error, CCB_ERR_HOST, "this instance has no RAM role");
    return NULL;
}

bool ccb_role_ask(const char *role, CcbCredentials *ret, GError **error)
{
    g_autofree char *name = role != NULL ? g_strdup(role) : ask_name(error);
    if (name == NULL)
        return false;
    g_autofree char *where = g_strconcat(path, name, NULL);
    char *text = get(where, error);
    if (text == NULL)
        return false;
    json_t *answer = json_loads(text, 0, NULL);
    ccb_secret_clear(&text);
    bool ok = ccb_ask_take(answer, ret);
    ccb_secret_free_json(answer);
    return ok ||
           ccb_fail(error, CCB_ERR_FETCH, "the metadata service has no keys of the role %s", name);
}

char *ccb_role_region(void)
{
    char *region = get("/latest/meta-data/region-id", NULL);
    return region != NULL ? g_strstrip(region) : NULL;
}
