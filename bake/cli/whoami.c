/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/whoami.h"

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/secret.h"

static void print_json(const char *source, const char *id, const char *arn)
{
    json_t *json = json_pack("{s:s, s:s, s:s*}", "access_key_id", id, "source", source, "arn", arn);
    char *text = json_dumps(json, JSON_INDENT(2));
    puts(text);
    free(text);
    json_decref(json);
}

bool ccb_whoami(const CcbCredentialsOptions *options, bool json, GError **error)
{
    ccb_secret_guard();
    g_autoptr(CcbCredentials) credentials = ccb_credentials_find(options, error);
    if (credentials == NULL)
        return false;
    g_autoptr(GError) reason = NULL;
    g_autofree char *id = ccb_credentials_shown_id(credentials);
    g_autofree char *arn = options->others ? NULL : ccb_credentials_ask_arn(credentials, &reason);
    if (reason != NULL && ccb_exit_code(reason) == CCB_ERR_CANCELLED) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if (reason != NULL)
        ccb_warn("the ARN is not known: %s", reason->message);
    if (json)
        print_json(credentials->source, id, arn);
    else
        printf("source: %s; access key ID: %s%s%s\n", credentials->source, id, arn ? "; ARN: " : "",
               arn ? arn : "");
    return true;
}
