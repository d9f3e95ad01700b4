/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upload/credentials.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "upload/profile.h"
#include "upload/role.h"

/* The tools of Alibaba Cloud don't agree on the names. */
static const struct {
    const char *id, *secret, *token;
    bool of_others;
} variables[] = {
    {"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
     "ALIBABA_CLOUD_SECURITY_TOKEN", false},
    {"ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_SECURITY_TOKEN",
     false},
    {"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", false},
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", true},
};

void ccb_credentials_free(CcbCredentials *credentials)
{
    if (credentials == NULL)
        return;
    ccb_secret_clear(&credentials->id);
    ccb_secret_clear(&credentials->secret);
    ccb_secret_clear(&credentials->token);
    g_free(credentials->source);
    g_free(credentials->region);
    g_free(credentials->role);
    g_free(credentials);
}

static const char *variable(const char *name)
{
    const char *value = g_getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* Not found is no error: *ret stays NULL. */
static bool from_environment(bool others, CcbCredentials **ret, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *id = variable(variables[i].id), *secret = variable(variables[i].secret);
        if ((variables[i].of_others && !others) || (id == NULL && secret == NULL))
            continue;
        if (id == NULL || secret == NULL)
            return ccb_fail(error, CCB_ERR_HOST, "%s is set and %s is not",
                            id ? variables[i].id : variables[i].secret,
                            id ? variables[i].secret : variables[i].id);
        *ret = g_new0(CcbCredentials, 1);
        (*ret)->id = g_strdup(id);
        (*ret)->secret = g_strdup(secret);
        (*ret)->token = g_strdup(variable(variables[i].token));
        (*ret)->source = g_strdup_printf("the environment ($%s)", variables[i].id);
        return true;
    }
    return true;
}

static bool refuse(GError **error)
{
    ccb_fail(error, CCB_ERR_HOST, "there are no credentials for an upload");
    return ccb_hint(error, "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
                           "or run `aliyun configure`, or give the instance a RAM role");
}

static bool find(const CcbCredentialsOptions *options, CcbCredentials **ret, GError **error)
{
    if (options->profile != NULL)
        return ccb_profile_read(options->profile, ret, error);
    if (!from_environment(options->others, ret, error))
        return false;
    if (*ret == NULL && !ccb_profile_read(NULL, ret, error))
        return false;
    if (*ret == NULL && !ccb_role_find(ret, error))
        return false;
    return *ret != NULL || refuse(error);
}

/* What stands in a header of HTTP must not end it. */
static bool is_plain(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if (!g_ascii_isgraph(*text))
            return false;
    return true;
}

static bool check(const CcbCredentials *credentials, GError **error)
{
    return (is_plain(credentials->id) && is_plain(credentials->secret) &&
            is_plain(credentials->token)) ||
           ccb_fail(error, CCB_ERR_HOST, "the credentials of %s have a space or worse in them",
                    credentials->source);
}

CcbCredentials *ccb_credentials_find(const CcbCredentialsOptions *options, GError **error)
{
    g_autoptr(CcbCredentials) found = NULL;
    if (!find(options, &found, error))
        return NULL;
    if (!(found->role != NULL ? ccb_credentials_renew(found, error) : check(found, error)))
        return NULL;
    if (found->region == NULL)
        found->region = g_strdup(variable("ALIBABA_CLOUD_REGION_ID"));
    return g_steal_pointer(&found);
}

bool ccb_credentials_are_old(const CcbCredentials *credentials)
{
    enum { MARGIN_S = 5 * 60 };
    return credentials->expires != 0 &&
           g_get_real_time() / G_USEC_PER_SEC > credentials->expires - MARGIN_S;
}

bool ccb_credentials_renew(CcbCredentials *credentials, GError **error)
{
    return ccb_role_ask(credentials, error) && check(credentials, error);
}
