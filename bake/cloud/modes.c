/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/modes.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cloud/external.h"
#include "cloud/secrets.h"
#include "cloud/sts.h"

/* --- One function for each way to get keys */

static bool get_keys(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    bool is_access_key = strcmp(ccb_profile_get(profile, "mode"), "AK") == 0;
    ccb_credentials_set(ret, ccb_profile_get(profile, "access_key_id"),
                        ccb_profile_get(profile, "access_key_secret"),
                        is_access_key ? NULL : ccb_profile_get(profile, "sts_token"), 0);
    return true;
}

/* As long as the sign-in is valid, the aliyun tool gets new keys with any request, and writes them to its
 * file. */
static bool refuse_expired(const CcbProfile *profile, gint64 now, GError **error)
{
    const char *mode = ccb_profile_get(profile, "mode");
    bool is_sso = strcmp(mode, "CloudSSO") == 0;
    gint64 end = ccb_profile_get_number(profile, is_sso ? "cloud_sso_access_token_expire"
                                                        : "oauth_refresh_token_expire");
    ccb_fail(error, CCB_ERR_HOST, "the keys of this session of mode %s have expired", mode);
    if (end <= now && (is_sso || end != 0))
        return ccb_hint(error, "sign in again: `aliyun configure --profile %s --mode %s`",
                        profile->name, mode);
    return ccb_hint(error,
                    "renew them with `aliyun sts GetCallerIdentity --profile %s`; if that is "
                    "refused, sign in again: `aliyun configure --profile %s --mode %s`",
                    profile->name, profile->name, mode);
}

/* The keys of a session into which the user has signed in with the aliyun tool. */
static bool get_signed_in(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbProfile) read_again = NULL;
    /* That tool may have renewed the keys since the file was read. */
    if (profile->name != NULL && !ccb_profile_find(profile->name, &read_again, error))
        return false;
    if (read_again != NULL)
        profile = read_again;
    const char *id = ccb_profile_get(profile, "access_key_id");
    const char *secret = ccb_profile_get(profile, "access_key_secret");
    const char *token = ccb_profile_get(profile, "sts_token");
    gint64 expires = ccb_profile_get_number(profile, "sts_expiration");
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    if (id == NULL || secret == NULL || token == NULL || expires <= now)
        return refuse_expired(profile, now, error);
    ccb_credentials_set(ret, id, secret, token, expires);
    return true;
}

static bool get_instance_role(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    return ccb_role_ask(ccb_profile_get(profile, "ram_role_name"), ret, error);
}

/* From a program or a URI, which the environment may forbid, as for the aliyun tool. */
static bool get_external(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    enum { LIMIT_S = 60 }; /* as the SDKs have it */
    static const char variable[] = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
    const char *off = g_getenv(variable);
    if (off != NULL && (strcmp(off, "1") == 0 || g_ascii_strcasecmp(off, "true") == 0))
        return ccb_fail(error, CCB_ERR_USAGE, "$%s forbids it", variable);
    if (strcmp(ccb_profile_get(profile, "mode"), "CredentialsURI") == 0)
        return ccb_external_get(ccb_profile_get(profile, "credentials_uri"), ret, error);
    return ccb_external_run(ccb_profile_get(profile, "process_command"), LIMIT_S, ret, error);
}

static bool get_source(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbProfile) source = ccb_profile_source(profile);
    if (source == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "there is no profile \"%s\", its source_profile",
                        ccb_profile_get(profile, "source_profile"));
    return ccb_mode_ask(source, ret, error);
}

static bool get_by_token(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    enum { TOKEN_MAX = 64 << 10 };
    ccb_autosecret char *token =
        ccb_read_file(ccb_profile_get(profile, "oidc_token_file"), TOKEN_MAX, NULL, error);
    return token != NULL && ccb_sts_assume_by_token(profile, g_strstrip(token), ret, error);
}

/* --- The table */

typedef struct {
    const char *name;
    bool (*get)(const CcbProfile *profile, CcbCredentials *ret, GError **error);
    const char *needs[4]; /* fields */
    bool assumes_role;    /* with the keys that get() gives */
    CcbModeTraits traits;
} Mode;

static const Mode modes[] = {
    {"AK", get_keys, .needs = {"access_key_id", "access_key_secret"}},
    {"StsToken", get_keys, .needs = {"access_key_id", "access_key_secret", "sts_token"}},
    {"RamRoleArn", get_keys, .assumes_role = true, .traits = {.renewable = true},
     .needs = {"access_key_id", "access_key_secret", "ram_role_arn"}},
    {"EcsRamRole", get_instance_role, .traits = {.renewable = true, .of_instance = true}},
    {"RamRoleArnWithRoleName", get_instance_role, .assumes_role = true,
     .traits = {.renewable = true, .of_instance = true}, .needs = {"ram_role_arn"}},
    {"ChainableRamRoleArn", get_source, .assumes_role = true, .traits = {.renewable = true},
     .needs = {"source_profile", "ram_role_arn"}},
    {"External", get_external, .traits = {.renewable = true, .runs_program = true},
     .needs = {"process_command"}},
    {"CredentialsURI", get_external, .traits = {.renewable = true}, .needs = {"credentials_uri"}},
    {"OIDC", get_by_token, .traits = {.renewable = true},
     .needs = {"oidc_provider_arn", "oidc_token_file", "ram_role_arn"}},
    {"CloudSSO", get_signed_in, .traits = {.renewable = true}},
    {"OAuth", get_signed_in, .traits = {.renewable = true}},
};

static const Mode *find_mode(const CcbProfile *profile)
{
    const char *name = ccb_profile_get(profile, "mode");
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
        if (g_strcmp0(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

CcbModeTraits ccb_mode_traits(const CcbProfile *profile)
{
    const Mode *mode = find_mode(profile);
    return mode != NULL ? mode->traits : (CcbModeTraits){0};
}

static bool refuse_mode(const char *name, GError **error)
{
    if (name == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "it has neither a mode nor keys");
    g_autofree char *shown = ccb_name_printable(name);
    ccb_fail(error, CCB_ERR_USAGE, "ccbake can't upload with the mode %s", shown);
    return ccb_hint(error, "put an access key, or the keys of a session, into another profile "
                           "(`aliyun configure --mode AK|StsToken --profile OTHER`) and say "
                           "--profile=OTHER");
}

/* What can be said of a profile before anybody is asked for keys. */
static bool check(const Mode *mode, const CcbProfile *profile, GError **error)
{
    if (mode == NULL)
        return refuse_mode(ccb_profile_get(profile, "mode"), error);
    for (const CcbProfile *user = profile->source_of; user != NULL; user = user->source_of)
        if (g_strcmp0(user->name, profile->name) == 0)
            return ccb_fail(error, CCB_ERR_USAGE, "its source_profile leads back to it");
    for (const char *const *field = mode->needs; *field != NULL; field++) {
        if (ccb_profile_get(profile, *field) != NULL)
            continue;
        ccb_fail(error, CCB_ERR_USAGE, "the mode %s needs %s, which is not there", mode->name,
                 *field);
        if (profile->path != NULL)
            ccb_hint(error, "run `aliyun configure --profile %s --mode %s`", profile->name,
                     mode->name);
        return false;
    }
    return true;
}

bool ccb_mode_ask(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    const Mode *mode = find_mode(profile);
    GError *reason = NULL;
    if (check(mode, profile, &reason) && mode->get(profile, ret, &reason) &&
        (!mode->assumes_role || ccb_sts_assume(profile, ret, &reason)))
        return true;
    if (ccb_exit_code(reason) != CCB_ERR_CANCELLED)
        g_prefix_error(&reason, "%s: ", profile->shown);
    g_propagate_error(error, reason);
    return false;
}
