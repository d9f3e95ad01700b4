/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/credentials.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/secret.h"
#include "cloud/external.h"
#include "cloud/modes.h"
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

/* The value of a variable; NULL if it is not set, or empty. */
static const char *get_variable(const char *name)
{
    const char *value = g_getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* --- Where profiles come from.  Each function leaves *ret NULL if there is none. */

typedef struct {
    const char *name; /* of the wanted profile, or NULL */
    bool others;      /* as in the options */
} Search;

static bool from_tool(const Search *search, CcbProfile **ret, GError **error)
{
    return ccb_profile_is_ignored() || ccb_profile_find(search->name, ret, error);
}

static bool from_environment(const Search *search, CcbProfile **ret, GError **error)
{
    g_autoptr(CcbProfile) found = ccb_profile_of_environment();
    bool has_id = ccb_profile_get(found, "access_key_id") != NULL;
    bool has_secret = ccb_profile_get(found, "access_key_secret") != NULL;
    if (has_id != has_secret) { /* one of a pair is a slip */
        const char *set = ccb_profile_variable(has_id ? "access_key_id" : "access_key_secret");
        g_autofree char *prefix = g_strndup(set, (size_t)(strstr(set, "ACCESS_KEY_") - set));
        return ccb_fail(error, CCB_ERR_HOST, "%s is set and %sACCESS_KEY_%s is not", set, prefix,
                        has_id ? "SECRET" : "ID");
    }
    if (ccb_profile_get(found, "mode") != NULL)
        *ret = g_steal_pointer(&found);
    return true;
}

/* An access key or a session of the environment: servers of others know no roles. */
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

/* From variables that the aliyun tool does not know. */
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
        const char *id = get_variable(variables[i].id);
        const char *secret = get_variable(variables[i].secret);
        const char *token = get_variable(variables[i].token);
        if ((variables[i].of_others && !search->others) || (id == NULL && secret == NULL))
            continue;
        if (id == NULL || secret == NULL)
            return ccb_fail(error, CCB_ERR_HOST, "%s is set and %s is not",
                            id ? variables[i].id : variables[i].secret,
                            id ? variables[i].secret : variables[i].id);
        *ret = ccb_profile_new(g_strdup_printf("the environment ($%s)", variables[i].id),
                               token ? "StsToken" : "AK");
        ccb_profile_set(*ret, "access_key_id", id);
        ccb_profile_set(*ret, "access_key_secret", secret);
        ccb_profile_set(*ret, "sts_token", token);
        return true;
    }
    return true;
}

static bool from_shared_file(const Search *search, CcbProfile **ret, GError **error)
{
    const char *named = ccb_profile_named();
    return ccb_profile_find_shared(named ? named : "default", ret, error);
}

static bool from_instance(const Search *search, CcbProfile **ret, GError **error)
{
    g_autofree char *role = NULL;
    if (!ccb_role_find(&role, error))
        return false;
    if (role != NULL) {
        *ret = ccb_profile_new(g_strdup_printf("the instance's RAM role %s", role), "EcsRamRole");
        ccb_profile_set(*ret, "ram_role_name", role);
    }
    return true;
}

static bool from_uri(const Search *search, CcbProfile **ret, GError **error)
{
    static const char variable[] = "ALIBABA_CLOUD_CREDENTIALS_URI";
    const char *uri = get_variable(variable);
    if (uri != NULL) {
        *ret =
            ccb_profile_new(g_strdup_printf("the environment ($%s)", variable), "CredentialsURI");
        ccb_profile_set(*ret, "credentials_uri", uri);
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

/* Replaces the keys only if the profile gives good ones. */
static bool ask(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbCredentials) found = g_new0(CcbCredentials, 1);
    if (!ccb_mode_ask(profile, found, error))
        return false;
    const char *const words[] = {found->id, found->secret, found->token ? found->token : ""};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        for (const char *p = words[i]; *p != '\0'; p++)
            if (!g_ascii_isgraph(*p)) /* it might end a header of HTTP */
                return ccb_fail(error, CCB_ERR_HOST,
                                "the credentials of %s have a space or worse in them",
                                profile->shown);
    ccb_credentials_set(ret, found->id, found->secret, found->token, found->expires);
    return true;
}

/* Takes ownership of *profile if it gives keys. */
static CcbCredentials *use(CcbProfile **profile, GError **error)
{
    g_autoptr(CcbCredentials) found = g_new0(CcbCredentials, 1);
    if (!ask(*profile, found, error))
        return NULL;
    CcbModeTraits traits = ccb_mode_traits(*profile);
    g_autoptr(CcbProfile) environment = ccb_profile_of_environment();
    const char *region = ccb_profile_get(*profile, "region_id");
    found->source = g_strdup((*profile)->shown);
    found->region = g_strdup(region ? region : ccb_profile_get(environment, "region_id"));
    if (found->region == NULL && traits.of_instance)
        found->region = ccb_role_region();
    found->is_renewable = traits.renewable;
    found->origin = g_steal_pointer(profile);
    return g_steal_pointer(&found);
}

/* NULL without an error if there is nothing; *ret_skipped: why a profile was skipped. */
static CcbCredentials *find(Source *const *sources, const Search *search, GError **ret_skipped,
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
        /* The current profile is skipped if it is wrong, but not if a service or a program fails or
         * refuses: a fault that passes by itself must not change who uploads. */
        int code = ccb_exit_code(reason);
        bool is_wrong = code == CCB_ERR_USAGE ||
                        (code == CCB_ERR_HOST && !ccb_mode_traits(profile).runs_program);
        if (search->name != NULL || profile->path == NULL || !is_wrong) {
            g_propagate_error(error, reason);
            return NULL;
        }
        g_propagate_error(ret_skipped, reason);
    }
    return NULL;
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
    g_autoptr(GError) skipped = NULL;
    GError *reason = NULL;
    CcbCredentials *found = find(sources, &search, &skipped, &reason);
    if (skipped != NULL && (found != NULL || reason != NULL)) {
        g_auto(GStrv) lines = g_strsplit(skipped->message, "\nhint: ", 2);
        ccb_warn("passed over: %s", lines[0]);
    }
    if (found != NULL)
        return found;
    if (reason == NULL)
        reason = g_steal_pointer(&skipped);
    if (reason != NULL) {
        g_propagate_error(error, reason);
    } else if (search.name != NULL) {
        g_autofree char *path = ccb_profile_path();
        ccb_fail(error, CCB_ERR_USAGE, "%s has no profile \"%s\"", path, search.name);
    } else {
        ccb_fail(error, CCB_ERR_HOST, "there are no credentials for an upload");
        ccb_hint(error, "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
                        "or run `aliyun configure`, or give the instance a RAM role");
    }
    return NULL;
}

bool ccb_credentials_renew_in_time(CcbCredentials *credentials, GError **error)
{
    enum { MARGIN_S = 5 * 60 };
    gint64 left_s = credentials->expires - g_get_real_time() / G_USEC_PER_SEC;
    if (!credentials->is_renewable || credentials->expires == 0 || left_s >= MARGIN_S)
        return true;
    GError *reason = NULL;
    if (ask(credentials->origin, credentials, &reason))
        return true;
    if (left_s <= 0 || ccb_exit_code(reason) != CCB_ERR_FETCH) {
        g_propagate_error(error, reason);
        return false;
    }
    g_error_free(reason); /* there is time to try again */
    return true;
}

char *ccb_credentials_ask_arn(const CcbCredentials *credentials, GError **error)
{
    return ccb_sts_identity(credentials->origin, credentials, error);
}
