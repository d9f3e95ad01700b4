/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/profile.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cloud/secrets.h"
#include "text/ini.h"

enum { NAMES = 6 };

/* What fills an empty field, in this order: Profile.OverwriteWithFlags() in the source of the
 * aliyun tool.  The last two are variables of the SDKs (credentials-go, providers/ram_role_arn.go). */
static const struct {
    const char *field;
    const char *names[NAMES];
} variables[] = {
    {"access_key_id",
     {"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY_ID",
      "ACCESS_KEY_ID"}},
    {"access_key_secret",
     {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_ACCESS_KEY_SECRET",
      "ALICLOUD_ACCESS_KEY_SECRET", "ACCESS_KEY_SECRET"}},
    {"sts_token",
     {"ALIBABA_CLOUD_SECURITY_TOKEN", "ALIBABACLOUD_SECURITY_TOKEN", "ALICLOUD_SECURITY_TOKEN",
      "SECURITY_TOKEN"}},
    {"region_id",
     {"ALIBABA_CLOUD_REGION_ID", "ALIBABACLOUD_REGION_ID", "ALICLOUD_REGION_ID", "REGION_ID",
      "REGION"}},
    {"sts_endpoint", {"ALIBABA_CLOUD_STS_ENDPOINT"}},
    {"credentials_uri", {"ALIBABA_CLOUD_CREDENTIALS_URI"}},
    {"oidc_provider_arn", {"ALIBABACLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"}},
    {"oidc_token_file", {"ALIBABACLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"}},
    {"ram_role_arn", {"ALIBABACLOUD_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"}},
    {"external_id", {"ALIBABACLOUD_EXTERNAL_ID", "ALIBABA_CLOUD_EXTERNAL_ID"}},
    {"ram_session_name", {"ALIBABA_CLOUD_ROLE_SESSION_NAME"}},
    {"sts_region", {"ALIBABA_CLOUD_STS_REGION"}},
};

/* The fields by which a profile without a mode is recognised, in this order: AutoModeRecognition()
 * in the source of the aliyun tool. */
static const struct {
    const char *mode;
    const char *fields[4];
} recognised[] = {
    {"StsToken", {"access_key_id", "access_key_secret", "sts_token"}},
    {"RamRoleArn", {"access_key_id", "access_key_secret", "ram_role_arn"}},
    {"AK", {"access_key_id", "access_key_secret"}},
    {"RsaKeyPair", {"private_key", "key_pair_name"}},
    {"EcsRamRole", {"ram_role_name"}},
    {"External", {"process_command"}},
    {"OIDC", {"oidc_provider_arn", "oidc_token_file", "ram_role_arn"}},
    {"CloudSSO", {"cloud_sso_sign_in_url"}},
    {"BearerToken", {"bearer_token"}},
};

CcbProfile *ccb_profile_new(char *shown, const char *mode)
{
    CcbProfile *profile = g_new0(CcbProfile, 1);
    profile->shown = shown;
    profile->fields = json_object();
    ccb_profile_set(profile, "mode", mode);
    return profile;
}

void ccb_profile_free(CcbProfile *profile)
{
    if (profile == NULL)
        return;
    g_free(profile->shown);
    g_free(profile->name);
    g_free(profile->path);
    ccb_secret_free_json(profile->fields);
    ccb_secret_free_json(profile->others);
    g_free(profile);
}

const char *ccb_profile_text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && *value != '\0' ? value : NULL;
}

const char *ccb_profile_get(const CcbProfile *profile, const char *field)
{
    return ccb_profile_text(profile->fields, field);
}

gint64 ccb_profile_get_number(const CcbProfile *profile, const char *field)
{
    return json_integer_value(json_object_get(profile->fields, field));
}

void ccb_profile_set(CcbProfile *profile, const char *field, const char *value)
{
    if (value != NULL)
        json_object_set_new(profile->fields, field, json_string(value));
}

/* The value of the first of these variables that is set and not empty, or NULL. */
static const char *first_set(const char *const *names, const char **ret_name)
{
    for (; *names != NULL; names++) {
        const char *value = g_getenv(*names);
        if (value == NULL || *value == '\0')
            continue;
        if (ret_name != NULL)
            *ret_name = *names;
        return value;
    }
    return NULL;
}

const char *ccb_profile_named(void)
{
    static const char *const names[] = {"ALIBABACLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE",
                                        "ALICLOUD_PROFILE", NULL};
    return first_set(names, NULL);
}

bool ccb_profile_is_ignored(void)
{
    /* The first is of the aliyun tool, which compares it in capitals; the last is of the SDKs. */
    static const char *const ignore[] = {"ALIBABA_CLOUD_IGNORE_PROFILE",
                                         "ALIBABACLOUD_IGNORE_PROFILE", NULL};
    const char *off = g_getenv("ALIBABA_CLOUD_CLI_PROFILE_DISABLED");
    return g_strcmp0(first_set(ignore, NULL), "TRUE") == 0 ||
           (off != NULL && g_ascii_strcasecmp(off, "true") == 0);
}

const char *ccb_profile_variable(const char *field)
{
    const char *name = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
        if (strcmp(variables[i].field, field) == 0)
            first_set(variables[i].names, &name);
    return name;
}

/* Sets a missing mode.  Returns the field that stands for the keys of the mode, or NULL. */
static const char *recognise(CcbProfile *profile)
{
    for (size_t i = 0; i < G_N_ELEMENTS(recognised) && !ccb_profile_get(profile, "mode"); i++) {
        const char *const *field = recognised[i].fields;
        while (*field != NULL && ccb_profile_get(profile, *field) != NULL)
            field++;
        if (*field == NULL)
            ccb_profile_set(profile, "mode", recognised[i].mode);
    }
    const char *mode = ccb_profile_get(profile, "mode");
    for (size_t i = 0; i < G_N_ELEMENTS(recognised); i++)
        if (g_strcmp0(mode, recognised[i].mode) == 0)
            return recognised[i].fields[0];
    return NULL;
}

/* Fills empty fields from the environment, and says in `shown` if the keys are the environment's. */
static void fill(CcbProfile *profile)
{
    const char *names[G_N_ELEMENTS(variables)] = {NULL};
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
        if (ccb_profile_get(profile, variables[i].field) == NULL)
            ccb_profile_set(profile, variables[i].field, first_set(variables[i].names, &names[i]));
    const char *field = recognise(profile);
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        if (names[i] == NULL || g_strcmp0(field, variables[i].field) != 0)
            continue;
        g_autofree char *before = profile->shown;
        profile->shown =
            g_strdup_printf(profile->path ? "%s, with $%s" : "%s ($%s)", before, names[i]);
    }
}

CcbProfile *ccb_profile_of_environment(void)
{
    CcbProfile *profile = ccb_profile_new(g_strdup("the environment"), NULL);
    fill(profile);
    return profile;
}

/* --- ~/.aliyun/config.json */

char *ccb_profile_path(void)
{
    return g_build_filename(g_get_home_dir(), ".aliyun", "config.json", NULL);
}

/* One of the profiles, as it stands there; NULL if none has this name.  Copies are deep, so that one
 * profile can be overwritten without the other. */
static CcbProfile *extract(const json_t *profiles, const char *path, const char *name)
{
    size_t i;
    const json_t *fields;
    json_array_foreach(profiles, i, fields)
    {
        if (g_strcmp0(ccb_profile_text(fields, "name"), name) != 0)
            continue;
        CcbProfile *profile =
            ccb_profile_new(g_strdup_printf("the profile \"%s\" of %s", name, path), NULL);
        profile->name = g_strdup(name);
        profile->path = g_strdup(path);
        json_decref(profile->fields);
        profile->fields = json_deep_copy(fields);
        profile->others = json_deep_copy(profiles);
        return profile;
    }
    return NULL;
}

bool ccb_profile_find(const char *name, CcbProfile **ret, GError **error)
{
    g_autofree char *path = ccb_profile_path();
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    ccb_autosecret char *content = ccb_read_file(path, 0, NULL, error);
    if (content == NULL)
        return false;
    json_error_t where;
    g_autoptr(CcbSecretJson) root = json_loads(content, 0, &where);
    if (root == NULL) { /* where.text may quote the file */
        ccb_fail(error, CCB_ERR_USAGE, "%s:%d: not JSON", path, where.line);
        return ccb_hint(error, "repair it, or remove it and run `aliyun configure`");
    }
    const char *current = ccb_profile_text(root, "current");
    const char *chosen = name != NULL ? name : current != NULL ? current : "default";
    *ret = extract(json_object_get(root, "profiles"), path, chosen);
    if (*ret != NULL)
        fill(*ret);
    return true;
}

CcbProfile *ccb_profile_source(const CcbProfile *profile)
{
    const char *name = ccb_profile_get(profile, "source_profile");
    CcbProfile *source = name != NULL ? extract(profile->others, profile->path, name) : NULL;
    if (source == NULL)
        return NULL;
    source->source_of = profile;
    recognise(source);
    return source;
}

/* --- ~/.alibabacloud/credentials */

/* The names of the fields in that file, and the types: credentials-go, providers/profile.go;
 * oidc_role_arn is the Java SDK's. */
static const struct {
    const char *key, *field;
} keys[] = {
    {"access_key_id", "access_key_id"},
    {"access_key_secret", "access_key_secret"},
    {"role_name", "ram_role_name"},
    {"role_arn", "ram_role_arn"},
    {"role_session_name", "ram_session_name"},
    {"policy", "policy"},
    {"oidc_provider_arn", "oidc_provider_arn"},
    {"oidc_token_file_path", "oidc_token_file"},
    {"region_id", "region_id"},
};

static const struct {
    const char *type, *mode;
} types[] = {
    {"access_key", "AK"},
    {"ecs_ram_role", "EcsRamRole"},
    {"ram_role_arn", "RamRoleArn"},
    {"oidc_role_arn", "OIDC"},
};

static CcbProfile *extract_shared(const CcbIni *ini, const char *path, const char *name)
{
    const char *type = ccb_ini_get(ini, name, "type");
    if (type == NULL || !ccb_ini_get_bool(ini, name, "enable", true))
        return NULL;
    /* An unknown type becomes a mode that is refused, even if the aliyun tool has a mode of its name. */
    g_autofree char *mode = g_strconcat("type=", type, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(type, types[i].type) == 0) {
            g_free(mode);
            mode = g_strdup(types[i].mode);
        }
    CcbProfile *profile =
        ccb_profile_new(g_strdup_printf("the section \"%s\" of %s", name, path), mode);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *value = ccb_ini_get(ini, name, keys[i].key);
        ccb_profile_set(profile, keys[i].field, value);
        if (value != NULL)
            explicit_bzero((char *)value, strlen(value)); /* the file's text is not needed again */
    }
    return profile;
}

bool ccb_profile_find_shared(const char *name, CcbProfile **ret, GError **error)
{
    const char *named = g_getenv("ALIBABA_CLOUD_CREDENTIALS_FILE");
    g_autofree char *path =
        named != NULL && *named != '\0'
            ? g_strdup(named)
            : g_build_filename(g_get_home_dir(), ".alibabacloud", "credentials", NULL);
    if ((named == NULL || *named == '\0') && !g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    size_t size;
    ccb_autosecret char *content = ccb_read_file(path, 0, &size, error);
    if (content == NULL)
        return false;
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbIni) ini = ccb_ini_parse(content, size, &reason);
    if (ini == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "%s: %s", path, reason->message);
    *ret = extract_shared(ini, path, name);
    return true;
}
