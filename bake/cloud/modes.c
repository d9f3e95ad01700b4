/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/modes.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "cloud/external.h"
#include "cloud/role.h"
#include "cloud/sts.h"

/* The profiles whose keys are being asked for: one, and those that name it as their source. */
typedef struct Chain {
    const CcbProfile *profile;
    const struct Chain *before;
} Chain;

static bool ask(const CcbProfile *profile, const Chain *before, CcbCredentials *ret,
                GError **error);

static const char *get(const Chain *chain, const char *field)
{
    return ccb_profile_get(chain->profile, field);
}

/* --- One function for each mode */

static bool get_access_key(const Chain *chain, CcbCredentials *ret, G_GNUC_UNUSED GError **error)
{
    ccb_credentials_set(ret, get(chain, "access_key_id"), get(chain, "access_key_secret"), NULL, 0);
    return true;
}

static bool get_session(const Chain *chain, CcbCredentials *ret, G_GNUC_UNUSED GError **error)
{
    ccb_credentials_set(ret, get(chain, "access_key_id"), get(chain, "access_key_secret"),
                        get(chain, "sts_token"), 0);
    return true;
}

static bool is_over(gint64 time)
{
    return time <= g_get_real_time() / G_USEC_PER_SEC;
}

/* Whether the file has keys of a session that is not over. */
static bool is_signed_in(const CcbProfile *profile)
{
    return ccb_profile_get(profile, "access_key_id") != NULL &&
           ccb_profile_get(profile, "access_key_secret") != NULL &&
           ccb_profile_get(profile, "sts_token") != NULL &&
           !is_over(ccb_profile_get_number(profile, "sts_expiration"));
}

/* The aliyun tool gets new keys by itself as long as the sign-in counts, with any request, and
 * leaves them in its file. */
static bool refuse_expired(const CcbProfile *profile, const char *mode, GError **error)
{
    bool is_sso = strcmp(mode, "CloudSSO") == 0;
    gint64 end = ccb_profile_get_number(profile, is_sso ? "cloud_sso_access_token_expire"
                                                        : "oauth_refresh_token_expire");
    ccb_fail(error, CCB_ERR_HOST, "the keys of this session of mode %s have expired", mode);
    if (is_over(end) && (is_sso || end != 0))
        return ccb_hint(error, "sign in again: `aliyun configure --profile %s --mode %s`",
                        profile->name, mode);
    return ccb_hint(error,
                    "renew them with `aliyun sts GetCallerIdentity --profile %s`; where that is "
                    "refused, sign in again: `aliyun configure --profile %s --mode %s`",
                    profile->name, profile->name, mode);
}

/* That tool may have renewed them since the file was read. */
static bool get_signed_in(const Chain *chain, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbProfile) read_again = NULL;
    const CcbProfile *profile = chain->profile;
    if (profile->name != NULL && !ccb_profile_find(profile->name, &read_again, error))
        return false;
    if (read_again != NULL)
        profile = read_again;
    if (!is_signed_in(profile))
        return refuse_expired(profile, get(chain, "mode"), error);
    ccb_credentials_set(ret, ccb_profile_get(profile, "access_key_id"),
                        ccb_profile_get(profile, "access_key_secret"),
                        ccb_profile_get(profile, "sts_token"),
                        ccb_profile_get_number(profile, "sts_expiration"));
    return true;
}

static bool get_instance_role(const Chain *chain, CcbCredentials *ret, GError **error)
{
    return ccb_role_ask(get(chain, "ram_role_name"), ret, error);
}

/* As the aliyun tool has it: programs and URIs may be forbidden by the environment. */
static bool check_external(GError **error)
{
    static const char variable[] = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
    const char *off = g_getenv(variable);
    return off == NULL || (strcmp(off, "1") != 0 && g_ascii_strcasecmp(off, "true") != 0) ||
           ccb_fail(error, CCB_ERR_USAGE, "$%s forbids it", variable);
}

static bool get_external(const Chain *chain, CcbCredentials *ret, GError **error)
{
    enum { LIMIT_S = 60 }; /* as the SDKs have it */
    return check_external(error) &&
           ccb_external_run(get(chain, "process_command"), LIMIT_S, ret, error);
}

static bool get_uri(const Chain *chain, CcbCredentials *ret, GError **error)
{
    return check_external(error) && ccb_external_get(get(chain, "credentials_uri"), ret, error);
}

static CcbStsRole role_of(const CcbProfile *profile)
{
    const char *session = ccb_profile_get(profile, "ram_session_name");
    return (CcbStsRole){.endpoint = ccb_profile_get(profile, "sts_endpoint"),
                        .region = ccb_profile_get(profile, "sts_region"),
                        .arn = ccb_profile_get(profile, "ram_role_arn"),
                        .session = session ? session : "ccbake",
                        .external = ccb_profile_get(profile, "external_id"),
                        .policy = ccb_profile_get(profile, "policy"),
                        .seconds = ccb_profile_get_number(profile, "expired_seconds")};
}

static bool assume(const Chain *chain, const CcbCredentials *caller, CcbCredentials *ret,
                   GError **error)
{
    CcbStsRole role = role_of(chain->profile);
    return ccb_sts_assume(&role, caller, ret, error);
}

static bool get_role(const Chain *chain, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbCredentials) caller = g_new0(CcbCredentials, 1);
    return get_session(chain, caller, error) && assume(chain, caller, ret, error);
}

static bool get_role_by_instance(const Chain *chain, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbCredentials) caller = g_new0(CcbCredentials, 1);
    return get_instance_role(chain, caller, error) && assume(chain, caller, ret, error);
}

static bool get_role_by_source(const Chain *chain, CcbCredentials *ret, GError **error)
{
    g_autoptr(CcbProfile) source = ccb_profile_source(chain->profile);
    g_autoptr(CcbCredentials) caller = g_new0(CcbCredentials, 1);
    if (source == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "there is no profile \"%s\", its source_profile",
                        get(chain, "source_profile"));
    return ask(source, chain, caller, error) && assume(chain, caller, ret, error);
}

static bool get_role_by_token(const Chain *chain, CcbCredentials *ret, GError **error)
{
    enum { TOKEN_MAX = 64 << 10 };
    CcbStsRole role = role_of(chain->profile);
    char *token = ccb_read_file(get(chain, "oidc_token_file"), TOKEN_MAX, NULL, error);
    if (token == NULL)
        return false;
    bool ok = ccb_sts_assume_by_token(&role, get(chain, "oidc_provider_arn"), g_strstrip(token),
                                      ret, error);
    ccb_secret_clear(&token);
    return ok;
}

/* --- The table */

typedef struct {
    const char *name;
    bool (*get)(const Chain *chain, CcbCredentials *ret, GError **error);
    bool renewable, of_instance, runs_program;
    const char *needs[4]; /* fields */
} Mode;

static const Mode modes[] = {
    {"AK", get_access_key, .needs = {"access_key_id", "access_key_secret"}},
    {"StsToken", get_session, .needs = {"access_key_id", "access_key_secret", "sts_token"}},
    {"RamRoleArn", get_role, .renewable = true,
     .needs = {"access_key_id", "access_key_secret", "ram_role_arn"}},
    {"EcsRamRole", get_instance_role, .renewable = true, .of_instance = true},
    {"RamRoleArnWithRoleName", get_role_by_instance, .renewable = true, .of_instance = true,
     .needs = {"ram_role_arn"}},
    {"ChainableRamRoleArn", get_role_by_source, .renewable = true,
     .needs = {"source_profile", "ram_role_arn"}},
    {"External", get_external, .renewable = true, .runs_program = true,
     .needs = {"process_command"}},
    {"CredentialsURI", get_uri, .renewable = true, .needs = {"credentials_uri"}},
    {"OIDC", get_role_by_token, .renewable = true,
     .needs = {"oidc_provider_arn", "oidc_token_file", "ram_role_arn"}},
    {"CloudSSO", get_signed_in, .renewable = true},
    {"OAuth", get_signed_in, .renewable = true},
};

static const Mode *find(const CcbProfile *profile)
{
    const char *name = ccb_profile_get(profile, "mode");
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
        if (g_strcmp0(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

bool ccb_mode_is_renewable(const CcbProfile *profile)
{
    const Mode *mode = find(profile);
    return mode != NULL && mode->renewable;
}

bool ccb_mode_is_of_instance(const CcbProfile *profile)
{
    const Mode *mode = find(profile);
    return mode != NULL && mode->of_instance;
}

bool ccb_mode_runs_program(const CcbProfile *profile)
{
    const Mode *mode = find(profile);
    return mode != NULL && mode->runs_program;
}

static bool refuse_mode(const CcbProfile *profile, GError **error)
{
    const char *name = ccb_profile_get(profile, "mode");
    if (name == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "it has neither a mode nor keys");
    g_autofree char *shown = ccb_name_printable(name);
    ccb_fail(error, CCB_ERR_USAGE, "ccbake can't upload with the mode %s", shown);
    return ccb_hint(error, "put an access key, or the keys of a session, into another profile "
                           "(`aliyun configure --mode AK|StsToken --profile OTHER`) and say "
                           "--profile=OTHER");
}

/* What `aliyun configure` asks for. */
static bool check_fields(const Mode *mode, const CcbProfile *profile, GError **error)
{
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

/* A profile that is a source of itself would ask without an end. */
static bool check_cycle(const Chain *chain, GError **error)
{
    for (const Chain *link = chain->before; link != NULL; link = link->before)
        if (g_strcmp0(link->profile->name, chain->profile->name) == 0)
            return ccb_fail(error, CCB_ERR_USAGE, "its source_profile leads back to it");
    return true;
}

static bool ask(const CcbProfile *profile, const Chain *before, CcbCredentials *ret, GError **error)
{
    const Chain chain = {profile, before};
    const Mode *mode = find(profile);
    GError *reason = NULL;
    if ((mode != NULL || refuse_mode(profile, &reason)) && check_cycle(&chain, &reason) &&
        check_fields(mode, profile, &reason) && mode->get(&chain, ret, &reason))
        return true;
    if (ccb_exit_code(reason) != CCB_ERR_CANCELLED)
        g_prefix_error(&reason, "%s: ", profile->shown);
    g_propagate_error(error, reason);
    return false;
}

bool ccb_mode_ask(const CcbProfile *profile, CcbCredentials *ret, GError **error)
{
    return ask(profile, NULL, ret, error);
}
