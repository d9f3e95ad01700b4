/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/request.h"

#include <gio/gio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "cloud/request-parts.h"

#define API_VERSION "2014-05-26"

struct CcbRequest {
    const char *action;
    json_t *parameters; /* an object of strings, which keeps the order in which they were added */
    unsigned tags;
    bool forced; /* the CLI may not know all parameters */
};

CcbRequest *ccb_request_new(const char *action)
{
    CcbRequest *request = g_new0(CcbRequest, 1);
    request->action = action;
    request->parameters = json_object();
    return request;
}

void ccb_request_free(CcbRequest *request)
{
    if (request == NULL)
        return;
    json_decref(request->parameters);
    g_free(request);
}

void ccb_request_add(CcbRequest *request, const char *name, const char *value)
{
    if (value != NULL) /* ccb_request_finish() checks that it is UTF-8 */
        json_object_set_new_nocheck(request->parameters, name, json_string_nocheck(value));
}

void ccb_request_add_number(CcbRequest *request, const char *name, unsigned value)
{
    g_autofree char *text = g_strdup_printf("%u", value);
    if (value != 0)
        ccb_request_add(request, name, text);
}

const char *ccb_request_get(const CcbRequest *request, const char *name)
{
    return json_string_value(json_object_get(request->parameters, name));
}

bool ccb_request_add_tag(CcbRequest *request, const char *key, const char *value, GError **error)
{
    enum { LONGEST = 128 };
    if (value == NULL)
        return true;
    if (!g_utf8_validate(value, -1, NULL) || g_utf8_strlen(value, -1) > LONGEST)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "the tag %s: a value has at most %d characters of UTF-8", key, LONGEST);
    if (g_str_has_prefix(value, "acs:") || strstr(value, "http://") != NULL ||
        strstr(value, "https://") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "the tag %s: \"%s\" begins with acs: or holds http:// or https://", key,
                        value);
    request->tags++;
    g_autofree char *key_name = g_strdup_printf("Tag.%u.Key", request->tags);
    g_autofree char *value_name = g_strdup_printf("Tag.%u.Value", request->tags);
    ccb_request_add(request, key_name, key);
    ccb_request_add(request, value_name, value);
    return true;
}

/* --- What the user adds */

GResource *ccb_parameters_get_resource(void); /* made by glib-compile-resources */

/* The official names of the action's parameters, with "N" in the place of a number in a list.  Caller frees. */
static char **known_names(const char *action)
{
    g_autoptr(GBytes) file = g_resource_lookup_data(ccb_parameters_get_resource(), "/parameters",
                                                    G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    g_autofree char *text = g_strndup(g_bytes_get_data(file, NULL), g_bytes_get_size(file));
    g_autofree char *prefix = g_strconcat(action, " ", NULL);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, prefix))
            g_strv_builder_add(names, *line + strlen(prefix));
    return g_strv_builder_end(names);
}

static bool check_name(const CcbRequest *request, const char *name, GError **error)
{
    /* "Tag.12.Key" ► "Tag.N.Key"; "Tag.N.Key" itself is no name. */
    g_auto(GStrv) parts = g_strsplit(name, ".", -1);
    for (char **part = parts; *part != NULL; part++) {
        bool is_number = **part != '\0' && (*part)[strspn(*part, G_CSET_DIGITS)] == '\0';
        if (!is_number && !g_str_equal(*part, "N"))
            continue;
        g_free(*part);
        *part = g_strdup(is_number ? "N" : "?");
    }
    g_autofree char *pattern = g_strjoinv(".", parts);
    g_auto(GStrv) names = known_names(request->action);
    if (g_strv_contains((const char *const *)names, pattern))
        return true;
    const char *meant = ccb_did_you_mean(pattern, (const char *const *)names);
    ccb_fail(error, CCB_ERR_USAGE, "--set %s: %s has no such parameter", name, request->action);
    return meant != NULL
               ? ccb_hint(error, "did you mean %s?%s", meant,
                          strstr(meant, ".N.") != NULL ? " N is a number from 1" : "")
               : ccb_hint(error, "names are those of the ECS API reference, as HttpTokens or "
                                 "SystemDisk.Encrypted");
}

static bool set(CcbRequest *request, const char *setting, GError **error)
{
    /* ccbake's defaults.  The other parameters that it sets are needed for the image or the instance to work,
     * or have an option of their own. */
    static const char *const replaceable[] = {"SystemDisk.Category",
                                              "DataDisk.1.Category",
                                              "InternetChargeType",
                                              "RoleName",
                                              "Platform",
                                              NULL};
    const char *equals = strchr(setting, '=');
    if (equals == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "--set %s: expected NAME=VALUE", setting);
    g_autofree char *name = g_strndup(setting, (gsize)(equals - setting));
    if (!check_name(request, name, error))
        return false;
    /* ClientToken, DryRun and one more tag may be added at the end. */
    bool is_own = ccb_request_get(request, name) != NULL || g_str_equal(name, "ClientToken") ||
                  g_str_equal(name, "DryRun") ||
                  (g_str_has_prefix(name, "Tag.") &&
                   g_ascii_strtoull(name + strlen("Tag."), NULL, 10) <= request->tags + 1);
    if (is_own && !g_strv_contains(replaceable, name)) {
        ccb_fail(error, CCB_ERR_USAGE, "--set %s: ccbake sets this itself", name);
        return ccb_hint(error, "see the options of `ccbake request --help`, as --tag for tags");
    }
    request->forced = true;
    ccb_request_add(request, name, equals + 1);
    return true;
}

static bool add_own_tag(CcbRequest *request, const char *tag, GError **error)
{
    enum { LONGEST_KEY = 128, MOST = 20 }; /* "Limits" of tags in the ECS documentation */
    const char *equals = strchr(tag, '=');
    g_autofree char *key = equals != NULL ? g_strndup(tag, (gsize)(equals - tag)) : NULL;
    if (key == NULL || *key == '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "--tag %s: expected KEY=VALUE", tag);
    if (!g_utf8_validate(key, -1, NULL) || g_utf8_strlen(key, -1) > LONGEST_KEY ||
        strstr(key, "http://") != NULL || strstr(key, "https://") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--tag %s: a key has at most %d characters of UTF-8, and no http://", tag,
                        LONGEST_KEY);
    if (g_str_has_prefix(key, "aliyun") || g_str_has_prefix(key, "acs:") ||
        g_str_has_prefix(key, "ccbake-"))
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--tag %s: keys that begin with aliyun, acs: or ccbake- are set by others",
                        tag);
    for (unsigned i = 1; i <= request->tags; i++) {
        g_autofree char *other = g_strdup_printf("Tag.%u.Key", i);
        if (g_strcmp0(ccb_request_get(request, other), key) == 0)
            return ccb_fail(error, CCB_ERR_USAGE, "--tag %s: there is a tag %s already", tag, key);
    }
    if (request->tags + 1 >= MOST) /* one more may come: ccbake-run */
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--tag %s: more than %d tags, those of ccbake among them", tag, MOST);
    return ccb_request_add_tag(request, key, equals + 1, error);
}

bool ccb_request_sets(const CcbRequestOptions *options, const char *prefix)
{
    for (const char *const *s = options->settings; s != NULL && *s != NULL; s++)
        if (g_str_has_prefix(*s, prefix))
            return true;
    return false;
}

bool ccb_request_finish(CcbRequest *request, const CcbRequestOptions *options, GError **error)
{
    enum { DIGITS = 40 }; /* a token has at most 64 characters of ASCII */
    const char *name;
    json_t *value;
    ccb_request_add(request, "ResourceGroupId", options->resource_group);
    for (const char *const *tag = options->tags; tag != NULL && *tag != NULL; tag++)
        if (!add_own_tag(request, *tag, error))
            return false;
    for (const char *const *s = options->settings; s != NULL && *s != NULL; s++)
        if (!set(request, *s, error))
            return false;
    g_autoptr(GString) text = g_string_new(request->action);
    json_object_foreach(request->parameters, name, value)
    {
        if (!g_utf8_validate(json_string_value(value), -1, NULL))
            return ccb_fail(error, CCB_ERR_USAGE, "the value of %s is not UTF-8", name);
        g_string_append_printf(text, "\n%s=%s", name, json_string_value(value));
    }
    g_string_append_printf(text, "\n%s", options->again ? options->again : "");
    g_autofree char *digest = ccb_digest_string(text->str);
    g_autofree char *token = g_strdup_printf("ccbake-%.*s", DIGITS, digest);
    if (options->dry_run)
        ccb_request_add(request, "DryRun", "true");
    else
        ccb_request_add(request, "ClientToken", token);
    return true;
}

bool ccb_request_check_id(const char *option, const char *id, const char *prefix, GError **error)
{
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.";
    if (id == NULL || id[0] == '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "request run: %s is missing", option);
    if (!g_str_has_prefix(id, prefix) || id[strspn(id, allowed)] != '\0')
        return ccb_fail(error, CCB_ERR_USAGE, "%s=%s: expected an ID like %s%s", option, id, prefix,
                        prefix[0] ? "2zeexample" : "name-1");
    return true;
}

/* --- Output */

json_t *ccb_request_to_json(const CcbRequest *request)
{
    json_t *json = json_pack("{ssss}", "Action", request->action, "Version", API_VERSION);
    json_object_update(json, request->parameters);
    return json;
}

/* Quoted for a shell if necessary; caller frees. */
static char *shell_word(const char *word)
{
    static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_./:,@%+=";
    bool is_plain = word[0] != '\0' && word[strspn(word, plain)] == '\0';
    return is_plain ? g_strdup(word) : g_shell_quote(word);
}

GPtrArray *ccb_request_to_words(const CcbRequest *request)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    json_t *parameter;
    /* aliyun refuses parameters that its metadata lacks, unless it is called with --force; then the method has
     * to be given, too.  The metadata of an older version may lack a parameter that was set by name, and
     * each lacks sub-parameters of Features (openapi/rpc.go and meta/api.go of aliyun-cli, 3.0.200 to
     * 3.4.9). */
    bool unknown = request->forced;
    json_object_foreach(request->parameters, name, parameter) unknown =
        unknown || g_str_has_prefix(name, "Features.");
    if (unknown) {
        g_ptr_array_add(words, g_strdup("--force"));
        g_ptr_array_add(words, g_strdup("--method"));
        g_ptr_array_add(words, g_strdup("POST"));
    }
    json_object_foreach(request->parameters, name, parameter)
    {
        /* A word that begins with "-" would be a flag: such a value is joined to its name (cli/parser.go). */
        const char *value = json_string_value(parameter);
        const char *joined = value[0] == '-' ? "=" : NULL;
        g_ptr_array_add(words, g_strconcat("--", name, joined, joined ? value : NULL, NULL));
        if (joined == NULL)
            g_ptr_array_add(words, g_strdup(value));
    }
    return words;
}

/* --region is given besides RegionId: without it some versions of the CLI send the request to the endpoint of
 * the region that they are configured for. */
char *ccb_request_to_command(const CcbRequest *request)
{
    GString *line = g_string_new(NULL);
    g_autofree char *region = shell_word(ccb_request_get(request, "RegionId"));
    g_autoptr(GPtrArray) words = ccb_request_to_words(request);
    g_string_printf(line, "aliyun ecs %s \\\n    --region %s", request->action, region);
    for (guint i = 0; i < words->len; i++) {
        const char *text = words->pdata[i];
        g_autofree char *word = shell_word(text);
        g_string_append(line, g_str_has_prefix(text, "--") ? " \\\n    " : " ");
        g_string_append(line, word);
    }
    g_string_append_c(line, '\n');
    return g_string_free(line, FALSE);
}
