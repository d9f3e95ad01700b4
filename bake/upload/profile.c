/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upload/profile.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/secret.h"

static const char *text(const json_t *profile, const char *key)
{
    const char *value = json_string_value(json_object_get(profile, key));
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool read_keys(const json_t *profile, bool session, CcbCredentials *ret, GError **error)
{
    ret->id = g_strdup(text(profile, "access_key_id"));
    ret->secret = g_strdup(text(profile, "access_key_secret"));
    ret->token = session ? g_strdup(text(profile, "sts_token")) : NULL;
    if (ret->id != NULL && ret->secret != NULL && (!session || ret->token != NULL))
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s has no access key ID, no secret or no token", ret->source);
    return ccb_hint(error, "run `aliyun configure`");
}

/* The modes in which the file itself has what is needed, or the instance has. */
static bool read_profile(const json_t *profile, CcbCredentials *ret, GError **error)
{
    const char *mode = text(profile, "mode");
    ret->region = g_strdup(text(profile, "region_id"));
    if (mode == NULL || strcmp(mode, "AK") == 0)
        return read_keys(profile, false, ret, error);
    if (strcmp(mode, "StsToken") == 0)
        return read_keys(profile, true, ret, error);
    if (strcmp(mode, "EcsRamRole") == 0) {
        const char *role = text(profile, "ram_role_name");
        ret->role = g_strdup(role ? role : "");
        return true;
    }
    ccb_fail(error, CCB_ERR_USAGE, "%s is of mode %s; ccbake knows AK, StsToken and EcsRamRole",
             ret->source, mode);
    return ccb_hint(error, "set ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and "
                           "ALIBABA_CLOUD_SECURITY_TOKEN to what that profile gives");
}

static const json_t *find_profile(const json_t *root, const char *name)
{
    size_t i;
    const json_t *profile;
    json_array_foreach(json_object_get(root, "profiles"), i, profile)
    {
        const char *this = text(profile, "name");
        if (this != NULL && strcmp(this, name) == 0)
            return profile;
    }
    return NULL;
}

static bool use(const json_t *root, const char *path, const char *name, CcbCredentials **ret,
                GError **error)
{
    const char *wanted = name ? name : g_getenv("ALIBABA_CLOUD_PROFILE");
    const char *chosen = wanted ? wanted : text(root, "current");
    const json_t *profile = chosen ? find_profile(root, chosen) : NULL;
    if (profile == NULL)
        return wanted == NULL ||
               ccb_fail(error, CCB_ERR_USAGE, "%s has no profile \"%s\"", path, wanted);
    g_autoptr(CcbCredentials) found = g_new0(CcbCredentials, 1);
    found->source = g_strdup_printf("the profile \"%s\" of %s", chosen, path);
    if (!read_profile(profile, found, error))
        return false;
    *ret = g_steal_pointer(&found);
    return true;
}

bool ccb_profile_read(const char *name, CcbCredentials **ret, GError **error)
{
    g_autofree char *path = g_build_filename(g_get_home_dir(), ".aliyun", "config.json", NULL);
    if (name == NULL && !g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    char *content = ccb_read_file(path, 0, NULL, error);
    if (content == NULL)
        return false;
    json_error_t where;
    json_t *root = json_loads(content, 0, &where);
    ccb_secret_clear(&content);
    /* where.text may quote the file. */
    bool ok = root != NULL ? use(root, path, name, ret, error)
                           : ccb_fail(error, CCB_ERR_USAGE, "%s:%d: not JSON", path, where.line);
    json_decref(root);
    return ok;
}
