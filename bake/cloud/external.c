/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/external.h"

#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/text.h"
#include "cloud/secrets.h"
#include "http/handle.h"

char *ccb_external_ask(const CcbHttpRequest *request, const char *who, long *ret_status,
                       GError **error)
{
    g_autoptr(CcbHttpPool) pool = ccb_http_pool_new();
    g_autoptr(CcbHttpExchange) exchange = ccb_http_exchange_new(request);
    if (!ccb_http_pool_run(pool, exchange, error))
        return NULL;
    const GError *reason = exchange->error;
    if (reason != NULL) {
        ccb_fail(error, CCB_ERR_FETCH, "%s: %s", who, reason->message);
        return NULL;
    }
    *ret_status = exchange->status;
    return g_strdup(exchange->body->str);
}

bool ccb_external_take(const json_t *answer, CcbCredentials *ret)
{
    const char *id = NULL, *secret = NULL, *token = NULL, *expires = NULL;
    if (json_unpack((json_t *)answer, "{s:s, s:s, s:s, s?s}", "AccessKeyId", &id, "AccessKeySecret",
                    &secret, "SecurityToken", &token, "Expiration", &expires) != 0)
        return false;
    ccb_credentials_set(ret, id, secret, token, ccb_credentials_parse_time(expires));
    return true;
}

/* --- A program */

static bool take_printed(const json_t *answer, const char *program, CcbCredentials *ret,
                         GError **error)
{
    const char *id = ccb_profile_text(answer, "access_key_id");
    const char *secret = ccb_profile_text(answer, "access_key_secret");
    const char *token = ccb_profile_text(answer, "sts_token");
    const char *mode = ccb_profile_text(answer, "mode");
    bool is_session = mode != NULL ? strcmp(mode, "StsToken") == 0 : token != NULL;
    if (!json_is_object(answer))
        return ccb_fail(error, CCB_ERR_HOST, "what %s printed is not JSON", program);
    if (mode != NULL && !is_session && strcmp(mode, "AK") != 0) {
        g_autofree char *name = ccb_name_printable(mode);
        return ccb_fail(error, CCB_ERR_HOST, "%s gives keys of mode %s; expected AK or StsToken",
                        program, name);
    }
    if (id == NULL || secret == NULL || (is_session && token == NULL))
        return ccb_fail(error, CCB_ERR_HOST, "%s printed no access_key_id, no access_key_secret%s",
                        program, is_session ? " or no sts_token" : "");
    ccb_credentials_set(ret, id, secret, is_session ? token : NULL,
                        ccb_credentials_parse_time(ccb_profile_text(answer, "expiration")));
    return true;
}

static void show_line(const char *line, void *data)
{
    g_autofree char *shown = ccb_name_printable(line);
    ccb_progress_line("external %s", shown);
}

bool ccb_external_run(const char *command, unsigned limit_s, CcbCredentials *ret, GError **error)
{
    /* Unlike in the aliyun tool, a word that begins with # begins a comment. */
    g_auto(GStrv) argv = NULL;
    if (!g_shell_parse_argv(command, NULL, &argv, NULL)) /* its message may quote the command */
        return ccb_fail(error, CCB_ERR_USAGE, "process_command can't be split into words");
    /* Allocated in full: a string that grows leaves copies behind. */
    enum { OUTPUT_SIZE = 64 << 10 };
    GString *output = g_string_sized_new(OUTPUT_SIZE);
    CcbProcess process = {.argv = (const char *const *)argv,
                          .limit_s = limit_s,
                          .whole_environment = true,
                          .separate_stdout = true,
                          .on_line = show_line,
                          .ret_stdout = output};
    GError *reason = NULL;
    g_autoptr(CcbSecretJson) answer = NULL;
    if (ccb_process_run(&process, &reason))
        answer = json_loadb(output->str, output->len, 0, NULL);
    ccb_secret_free_text(output);
    if (reason == NULL)
        return take_printed(answer, argv[0], ret, error);
    if (ccb_exit_code(reason) != CCB_ERR_CANCELLED)
        reason->code = CCB_ERR_HOST;
    g_propagate_error(error, reason);
    return false;
}

/* --- A URI */

bool ccb_external_get(const char *uri, CcbCredentials *ret, GError **error)
{
    enum { STALL_S = 15 };
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *host = parsed != NULL ? g_uri_get_host(parsed) : NULL;
    if (host == NULL || *host == '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "credentials_uri is not a URI with a host");
    /* Messages leave out user, path and query, which may be secret. */
    g_autofree char *shown = g_uri_join(G_URI_FLAGS_NONE, g_uri_get_scheme(parsed), NULL, host,
                                        g_uri_get_port(parsed), "", NULL, NULL);
    CcbHttpRequest request = {
        .method = "GET", .url = uri, .stall_s = STALL_S, .direct = ccb_http_is_this_host(host)};
    long status = 0;
    ccb_autosecret char *body = ccb_external_ask(&request, shown, &status, error);
    if (body == NULL)
        return false;
    if (status != 200)
        return ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld", shown, status);
    g_autoptr(CcbSecretJson) answer = json_loads(body, 0, NULL);
    return (g_strcmp0(ccb_profile_text(answer, "Code"), "Success") == 0 &&
            ccb_external_take(answer, ret)) ||
           ccb_fail(error, CCB_ERR_FETCH,
                    "%s: the answer is not JSON with Code \"Success\", AccessKeyId, "
                    "AccessKeySecret and SecurityToken",
                    shown);
}

/* --- The metadata service ("Instance metadata" and "Instance RAM roles" in the documentation of ECS) */

static const char role_path[] = "/latest/meta-data/ram/security-credentials/";

/* The body of the answer (to be freed with ccb_secret_clear()), or NULL. */
static char *request_metadata(const char *method, const char *path, const char *header,
                              GError **error)
{
    enum { STALL_S = 5 };
    const char *for_tests = g_getenv("CCBAKE_ECS_METADATA");
    const char *service = for_tests != NULL ? for_tests : "http://100.100.100.200";
    g_autofree char *url = g_strconcat(service, path, NULL);
    g_autofree char *who = g_strdup_printf("the instance's metadata service (%s)", service);
    const char *const headers[] = {header, NULL};
    CcbHttpRequest request = {
        .method = method, .url = url, .headers = headers, .stall_s = STALL_S, .direct = true};
    long status = 0;
    char *body = ccb_external_ask(&request, who, &status, error);
    if (body != NULL && status != 200) {
        ccb_secret_clear(&body);
        ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld", who, status);
    }
    return body;
}

/* Version 2 of the service wants a token first, which a request that was forged from outside can't have. */
static char *get_metadata(const char *path, GError **error)
{
    ccb_autosecret char *token = request_metadata(
        "PUT", "/latest/api/token", "X-aliyun-ecs-metadata-token-ttl-seconds: 60", error);
    if (token == NULL)
        return NULL;
    ccb_autosecret char *header =
        g_strconcat("X-aliyun-ecs-metadata-token: ", g_strstrip(token), NULL);
    char *answer = request_metadata("GET", path, header, error);
    return answer != NULL ? g_strstrip(answer) : NULL;
}

static bool is_role_name(const char *role)
{
    size_t size = strlen(role);
    return size > 0 && size <= 64 &&
           strspn(role, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_") == size;
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
    if (named != NULL && !is_role_name(named))
        return ccb_fail(error, CCB_ERR_USAGE, "$%s is not the name of a RAM role", variable);
    GError *reason = NULL;
    g_autofree char *role = named ? g_strdup(named) : get_metadata(role_path, &reason);
    if (reason != NULL && ccb_exit_code(reason) == CCB_ERR_CANCELLED) {
        g_propagate_error(error, reason);
        return false;
    }
    g_clear_error(&reason);
    if (role != NULL && is_role_name(role))
        *ret = g_steal_pointer(&role);
    return true;
}

bool ccb_role_ask(const char *role, CcbCredentials *ret, GError **error)
{
    g_autofree char *name = role != NULL ? g_strdup(role) : get_metadata(role_path, error);
    if (name == NULL)
        return false;
    if (role == NULL && !is_role_name(name))
        return ccb_fail(error, CCB_ERR_HOST, "this instance has no RAM role");
    g_autofree char *path = g_strconcat(role_path, name, NULL);
    ccb_autosecret char *text = get_metadata(path, error);
    if (text == NULL)
        return false;
    g_autoptr(CcbSecretJson) answer = json_loads(text, 0, NULL);
    return ccb_external_take(answer, ret) ||
           ccb_fail(error, CCB_ERR_FETCH, "the metadata service has no keys of the role %s", name);
}

char *ccb_role_region(void)
{
    return get_metadata("/latest/meta-data/region-id", NULL);
}
