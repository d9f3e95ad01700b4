/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/external.h"

#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/secret.h"
#include "base/text.h"
#include "cloud/ask.h"

enum { STALL_S = 15, OUTPUT_SIZE = 64 << 10 };

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool take(const json_t *answer, const char *program, CcbCredentials *ret, GError **error)
{
    const char *id = text(answer, "access_key_id"), *secret = text(answer, "access_key_secret");
    const char *token = text(answer, "sts_token"), *mode = text(answer, "mode");
    bool is_session = mode != NULL ? strcmp(mode, "StsToken") == 0 : token != NULL;
    if (mode != NULL && !is_session && strcmp(mode, "AK") != 0) {
        g_autofree char *name = ccb_name_printable(mode);
        return ccb_fail(error, CCB_ERR_HOST, "%s gives keys of mode %s; expected AK or StsToken",
                        program, name);
    }
    if (id == NULL || secret == NULL || (is_session && token == NULL))
        return ccb_fail(error, CCB_ERR_HOST, "%s printed no access_key_id, no access_key_secret%s",
                        program, is_session ? " or no sts_token" : "");
    ccb_credentials_set(ret, id, secret, is_session ? token : NULL,
                        ccb_credentials_parse_time(text(answer, "expiration")));
    return true;
}

static void pass_on(const char *line, G_GNUC_UNUSED void *data)
{
    g_autofree char *shown = ccb_name_printable(line);
    ccb_progress_line("external %s", shown);
}

bool ccb_external_run(const char *command, unsigned limit_s, CcbCredentials *ret, GError **error)
{
    /* In one thing that tool does otherwise: to it a word that begins with # is no comment. */
    g_auto(GStrv) argv = NULL;
    if (!g_shell_parse_argv(command, NULL, &argv, NULL)) /* its message may quote the command */
        return ccb_fail(error, CCB_ERR_USAGE, "process_command can't be split into words");
    /* Large enough at once, as what grows leaves copies behind. */
    GString *output = g_string_sized_new(OUTPUT_SIZE);
    CcbProcess process = {.argv = (const char *const *)argv,
                          .limit_s = limit_s,
                          .separate_stdout = true,
                          .on_line = pass_on,
                          .ret_stdout = output};
    GError *reason = NULL;
    bool ok = ccb_process_run(&process, &reason);
    if (!ok && ccb_exit_code(reason) != CCB_ERR_CANCELLED)
        reason->code = CCB_ERR_HOST;
    if (!ok)
        g_propagate_error(error, reason);
    json_t *answer = ok ? json_loadb(output->str, output->len, 0, NULL) : NULL;
    if (ok)
        ok = json_is_object(answer)
                 ? take(answer, argv[0], ret, error)
                 : ccb_fail(error, CCB_ERR_HOST, "what %s printed is not JSON", argv[0]);
    ccb_secret_free_json(answer);
    ccb_secret_free_text(output);
    return ok;
}

static bool is_this_host(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           g_str_has_prefix(host, "127.");
}

bool ccb_external_get(const char *uri, CcbCredentials *ret, GError **error)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *host = parsed != NULL ? g_uri_get_host(parsed) : NULL;
    if (host == NULL || *host == '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "credentials_uri is not a URI with a host");
    /* The rest may be a secret. */
    g_autofree char *shown = g_uri_join(G_URI_FLAGS_NONE, g_uri_get_scheme(parsed), NULL, host,
                                        g_uri_get_port(parsed), "", NULL, NULL);
    CcbHttpRequest request = {
        .method = "GET", .url = uri, .stall_s = STALL_S, .direct = is_this_host(host)};
    long status = 0;
    char *body = ccb_ask(&request, shown, &status, error);
    if (body == NULL)
        return false;
    json_t *answer = json_loads(body, 0, NULL);
    ccb_secret_clear(&body);
    bool ok = status == 200 && g_strcmp0(text(answer, "Code"), "Success") == 0 &&
              ccb_ask_take(answer, ret);
    ccb_secret_free_json(answer);
    if (ok)
        return true;
    return status != 200
               ? ccb_fail(error, CCB_ERR_FETCH, "%s: HTTP %ld", shown, status)
               : ccb_fail(error, CCB_ERR_FETCH,
                          "%s: the answer is not JSON with Code \"Success\", AccessKeyId, "
                          "AccessKeySecret and SecurityToken",
                          shown);
}
