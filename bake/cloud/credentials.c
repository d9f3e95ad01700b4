/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/credentials.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/secret.h"
#include "cloud/modes.h"
#include "cloud/role.h"
#include "cloud/sts.h"

void ccb_credentials_free(CcbCredentials *credentials)
{
    if (credentials == NULL)
        return;
    ccb_credentials_set(credentials, NULL, NULL, NULL, 0);
    g_free(credentials->source);
    g_free(credentials->region);
    ccb_profile_free(credentials->origin);
    g_free(credentials);
}

void ccb_credentials_set(CcbCredentials *credentials, const char *id, const char *secret,
                         const char *token, gint64 expires)
{
    char *const before[] = {credentials->id, credentials->secret, credentials->token};
    credentials->id = g_strdup(id);
    credentials->secret = g_strdup(secret);
    credentials->token = g_strdup(token);
    credentials->expires = expires;
    for (size_t i = 0; i < G_N_ELEMENTS(before); i++) {
        char *old = before[i];
        ccb_secret_clear(&old);
    }
}

gint64 ccb_credentials_parse_time(const char *text)
{
    g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    return time != NULL ? g_date_time_to_unix(time) : 0;
}

char *ccb_credentials_shown_id(const CcbCredentials *credentials)
{
    enum { SHOWN = 4 };
    size_t size = strlen(credentials->id);
    return size > 2 * SHOWN ? g_strdup_printf("%.*s...%s", SHOWN, credentials->id,
                                              credentials->id + size - SHOWN)
                            : g_strdup("...");
}

static bool is_set(const char *variable)
{
    const char *value = g_getenv(variable);
    return value != NULL && *value != '\0';
}

/* --- Where profiles come from.  Each leaves *ret NULL where it has none. */

typedef struct {
    const char *name; /* of the profile that is wanted, or NULL */
    bool others;      /* as in the options */
} Search;

static bool from_tool(const Search *search, CcbProfile **ret, GError **error)
{
    return ccb_profile_is_ignored() || ccb_profile_find(search->name, ret, error);
}

/* One of a pair is a slip. */
static bool refuse_half(bool has_id, GError **error)
{
    const char *set = ccb_profile_variable(has_id ? "access_key_id" : "access_key_secret");
    g_autofree char *prefix = g_strndup(set, (size_t)(strstr(set, "ACCESS_KEY_") - set));
    return ccb_fail(error, CCB_ERR_HOST, "%s is set and %sACCESS_KEY_%s is not", set, prefix,
                    has_id ? "SECRET" : "ID");
}

static bool from_environment(G_GNUC_UNUSED const Search *search, CcbProfile **ret, GError **error)
{
    g_autoptr(CcbProfile) found = ccb_profile_of_environment();
    bool has_id = ccb_profile_get(found, "access_key_id") != NULL;
    bool has_secret = ccb_profile_get(found, "access_key_secret") != NULL;
    if (has_id != has_secret)
        return refuse_half(has_id, error);
    if (ccb_profile_get(found, "mode") != NULL)
        *ret = g_steal_pointer(&found);
    return true;
}

/* An access key or a session of the environment: another server knows no roles. */
static bool from_keys(const Search *search, CcbProfile **ret, GError **error)
{
    g_autoptr(CcbProfile) found = NULL;
    if (!from_environment(search, &found, error))
        return false;
    if (found != NULL && ccb_profile_get(found, "access_key_id") != NULL) {
        bool is_session = ccb_profile_get(found, "sts_token") != NULL;
        ccb_profile_set(found, "mode", is_session ? "StsToken" : "AK");
        *ret = g_steal_pointer(&found);
    }
    return true;
}

/* Those that the aliyun tool does not know. */
static bool from_other_variables(const Search *search, CcbProfile **ret, GError **error)
{
    static const struct {
        const char *id, *secret, *token;
        bool of_others;
    } variables[] = {
        {"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", false},
        {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *id = variables[i].id, *secret = variables[i].secret;
        if ((variables[i].of_others && !search->others) || (!is_set(id) && !is_set(secret)))
            continue;
        if (!is_set(id) || !is_set(secret))
            return ccb_fail(error, CCB_ERR_HOST, "%s is set and %s is not",
                            is_set(id) ? id : secret, is_set(id) ? secret : id);
        bool is_session = is_set(variables[i].token);
        *ret = ccb_profile_new(g_strdup_printf("the environment ($%s)", id));
        ccb_profile_set(*ret, "mode", is_session ? "StsToken" : "AK");
        ccb_profile_set(*ret, "access_key_id", g_getenv(id));
        ccb_profile_set(*ret, "access_key_secret", g_getenv(secret));
        ccb_profile_set(*ret, "sts_token", is_session ? g_getenv(variables[i].token) : NULL);
        return true;
    }
    return true;
}

static bool from_shared_file(G_GNUC_UNUSED const Search *search, CcbProfile **ret, GError **error)
{
    const char *named = ccb_profile_named();
    return ccb_profile_find_shared(named ? named : "default", ret, error);
}

static bool from_instance(G_GNUC_UNUSED const Search *search, CcbProfile **ret, GError **error)
{
    g_autofree char *role = NULL;
    if (!ccb_role_find(&role, error))
        return false;
    if (role != NULL) {
        *ret = ccb_profile_new(g_strdup_printf("the instance's RAM role %s", role));
        ccb_profile_set(*ret, "mode", "EcsRamRole");
        ccb_profile_set(*ret, "ram_role_name", role);
    }
    return true;
}

static bool from_uri(G_GNUC_UNUSED const Search *search, CcbProfile **ret,
                     G_GNUC_UNUSED GError **error)
{
    static const char variable[] = "ALIBABA_CLOUD_CREDENTIALS_URI";
    if (is_set(variable)) {
        *ret = ccb_profile_new(g_strdup_printf("the environment ($%s)", variable));
        ccb_profile_set(*ret, "mode", "CredentialsURI");
        ccb_profile_set(*ret, "credentials_uri", g_getenv(variable));
    }
    return true;
}

/* --- The search */

typedef bool Source(const Search *search, CcbProfile **ret, GError **error);

static Source *const of_alibaba[] = {
    from_tool, from_environment, from_other_variables, from_shared_file, from_instance, from_uri,
    NULL,
};
static Source *const of_others[] = {
    from_keys,        from_other_variables, from_tool, from_environment,
    from_shared_file, from_instance,        from_uri,  NULL,
};
static Source *const of_alibaba_named[] = {from_tool, from_shared_file, NULL};
static Source *const of_others_named[] = {from_keys, from_other_variables, from_tool,
                                          from_shared_file, NULL};
static Source *const of_option[] = {from_tool, NULL};

/* What stands in a header of HTTP must not end it. */
static bool is_plain(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if (!g_ascii_isgraph(*text))
            return false;
    return true;
}

static bool ask(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbCredentials) found = g_new0(CcbCredentials, 1);
    if (!ccb_mode_ask(profile, found, error))
        return false;
    if (!is_plain(found->id) || !is_plain(found->secret) || !is_plain(found->token))
        return ccb_fail(error, CCB_ERR_HOST, "the credentials of %s have a space or worse in them",
                        profile->shown);
    ccb_credentials_set(ret, found->id, found->secret, found->token, found->expires);
    return true;
}

/* Takes *profile where it gives keys. */
static CcbCredentials *use(CcbProfile **profile, GError **error)
{
    g_autoptr(CcbCredentials) found = g_new0(CcbCredentials, 1);
    if (!ask(*profile, found, error))
        return NULL;
    g_autoptr(CcbProfile) environment = ccb_profile_of_environment();
    const char *region = ccb_profile_get(*profile, "region_id");
    found->source = g_strdup((*profile)->shown);
    found->region = g_strdup(region ? region : ccb_profile_get(environment, "region_id"));
    if (found->region == NULL && ccb_mode_is_of_instance(*profile))
        found->region = ccb_role_region();
    found->is_renewable = ccb_mode_is_renewable(*profile);
    found->origin = g_steal_pointer(profile);
    return g_steal_pointer(&found);
}

/* It was not named, and it is the profile that is at fault, not a service or a program that fails
 * or refuses: what passes by itself must not change who uploads. */
static bool may_pass_over(const Search *search, const CcbProfile *profile, const GError *reason)
{
    int code = ccb_exit_code(reason);
    return search->name == NULL && profile->path != NULL &&
           (code == CCB_ERR_USAGE || (code == CCB_ERR_HOST && !ccb_mode_runs_program(profile)));
}

/* NULL without an error where there is nothing; *ret_passed: why a profile was passed over. */
static CcbCredentials *find(Source *const *sources, const Search *search, GError **ret_passed,
                            GError **error)
{
    for (; *sources != NULL; sources++) {
        g_autoptr(CcbProfile) profile = NULL;
        GError *reason = NULL;
        if (!(*sources)(search, &profile, error))
            return NULL;
        CcbCredentials *found = profile != NULL ? use(&profile, &reason) : NULL;
        if (found != NULL)
            return found;
        if (reason == NULL)
            continue;
        if (!may_pass_over(search, profile, reason)) {
            g_propagate_error(error, reason);
            return NULL;
        }
        g_propagate_error(ret_passed, reason);
    }
    return NULL;
}

static bool refuse(const char *name, GError **error)
{
    g_autofree char *path = ccb_profile_path();
    if (name != NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "%s has no profile \"%s\"", path, name);
    ccb_fail(error, CCB_ERR_HOST, "there are no credentials for an upload");
    return ccb_hint(error, "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
                           "or run `aliyun configure`, or give the instance a RAM role");
}

CcbCredentials *ccb_credentials_find(const CcbCredentialsOptions *options, GError **error)
{
    bool ignored = ccb_profile_is_ignored();
    const char *named = ignored ? NULL : ccb_profile_named();
    Search search = {options->profile ? options->profile : named, options->others};
    Source *const *sources = options->profile ? of_option
                             : named          ? options->others ? of_others_named : of_alibaba_named
                             : options->others ? of_others
                                               : of_alibaba;
    if (ignored && options->profile != NULL) {
        ccb_fail(error, CCB_ERR_USAGE, "--profile=%s: the environment says to ignore profiles",
                 options->profile);
        ccb_hint(error, "unset ALIBABA_CLOUD_IGNORE_PROFILE, ALIBABACLOUD_IGNORE_PROFILE and "
                        "ALIBABA_CLOUD_CLI_PROFILE_DISABLED, or leave out --profile");
        return NULL;
    }
    g_autoptr(GError) passed = NULL;
    GError *reason = NULL;
    CcbCredentials *found = find(sources, &search, &passed, &reason);
    if (passed != NULL && (found != NULL || reason != NULL)) {
        g_auto(GStrv) lines = g_strsplit(passed->message, "\nhint: ", 2);
        ccb_warn("passed over: %s", lines[0]);
    }
    if (found != NULL)
        return found;
    if (reason == NULL)
        reason = g_steal_pointer(&passed);
    if (reason != NULL)
        g_propagate_error(error, reason);
    else
        refuse(search.name, error);
    return NULL;
}

bool ccb_credentials_are_old(const CcbCredentials *credentials)
{
    enum { MARGIN_S = 5 * 60 };
    return credentials->expires != 0 &&
           g_get_real_time() / G_USEC_PER_SEC > credentials->expires - MARGIN_S;
}

bool ccb_credentials_renew(CcbCredentials *credentials, GError **error)
{
    return ask(credentials->origin, credentials, error);
}

char *ccb_credentials_ask_arn(const CcbCredentials *credentials, GError **error)
{
    return ccb_sts_identity(credentials, ccb_profile_get(credentials->origin, "sts_endpoint"),
                            ccb_profile_get(credentials->origin, "sts_region"), error);
}
