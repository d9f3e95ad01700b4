/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/request.h"

#include <gio/gio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "cloud/request-parts.h"

#define API_VERSION "2014-05-26"

typedef struct {
    char *name, *value;
} Parameter;

struct CcbRequest {
    const char *action;
    GPtrArray *parameters; /* Parameter */
    unsigned tags;
    bool forced; /* the CLI may not know all parameters */
};

static void parameter_free(gpointer data)
{
    Parameter *parameter = data;
    g_free(parameter->name);
    g_free(parameter->value);
    g_free(parameter);
}

CcbRequest *ccb_request_new(const char *action)
{
    CcbRequest *request = g_new0(CcbRequest, 1);
    request->action = action;
    request->parameters = g_ptr_array_new_with_free_func(parameter_free);
    return request;
}

void ccb_request_free(CcbRequest *request)
{
    if (request == NULL)
        return;
    g_ptr_array_unref(request->parameters);
    g_free(request);
}

void ccb_request_add(CcbRequest *request, const char *name, const char *value)
{
    if (value == NULL)
        return;
    Parameter *parameter = g_new0(Parameter, 1);
    *parameter = (Parameter){g_strdup(name), g_strdup(value)};
    g_ptr_array_add(request->parameters, parameter);
}

void ccb_request_add_number(CcbRequest *request, const char *name, unsigned value)
{
    g_autofree char *text = g_strdup_printf("%u", value);
    ccb_request_add(request, name, text);
}

const char *ccb_request_get(const CcbRequest *request, const char *name)
{
    for (guint i = 0; i < request->parameters->len; i++) {
        const Parameter *p = request->parameters->pdata[i];
        if (g_str_equal(p->name, name))
            return p->value;
    }
    return NULL;
}

/* Of a value; our keys are in order. */
static bool check_tag(const char *key, const char *value, GError **error)
{
    enum { LONGEST = 128 };
    if (!g_utf8_validate(value, -1, NULL) || g_utf8_strlen(value, -1) > LONGEST)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "the tag %s: a value has at most %d characters of UTF-8", key, LONGEST);
    if (g_str_has_prefix(value, "acs:") || strstr(value, "http://") != NULL ||
        strstr(value, "https://") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "the tag %s: \"%s\" begins with acs: or holds http:// or https://", key,
                        value);
    return true;
}

bool ccb_request_add_tag(CcbRequest *request, const char *key, const char *value, GError **error)
{
    if (value == NULL)
        return true;
    if (!check_tag(key, value, error))
        return false;
    request->tags++;
    g_autofree char *key_name = g_strdup_printf("Tag.%u.Key", request->tags);
    g_autofree char *value_name = g_strdup_printf("Tag.%u.Value", request->tags);
    ccb_request_add(request, key_name, key);
    ccb_request_add(request, value_name, value);
    return true;
}

/* A token has at most 64 characters of ASCII. */
static char *token_of(const CcbRequest *request, const char *again)
{
    enum { DIGITS = 40 };
    g_autoptr(GString) text = g_string_new(request->action);
    for (guint i = 0; i < request->parameters->len; i++) {
        const Parameter *p = request->parameters->pdata[i];
        g_string_append_printf(text, "\n%s=%s", p->name, p->value);
    }
    g_string_append_printf(text, "\n%s", again ? again : "");
    g_autofree char *digest = ccb_digest_string(text->str);
    return g_strdup_printf("ccbake-%.*s", DIGITS, digest);
}

/* --- What the caller adds */

GResource *ccb_parameters_get_resource(void); /* made by glib-compile-resources */

/* The official names of the action's parameters; "N" stands for the number in a list.  Caller frees. */
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

/* "Tag.12.Key" ► "Tag.N.Key", and "Tag.N.Key" to nothing that is known; caller frees. */
static char *name_pattern(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, ".", -1);
    for (char **part = parts; *part != NULL; part++) {
        bool is_number = **part != '\0' && (*part)[strspn(*part, G_CSET_DIGITS)] == '\0';
        if (!is_number && !g_str_equal(*part, "N"))
            continue;
        g_free(*part);
        *part = g_strdup(is_number ? "N" : "?");
    }
    return g_strjoinv(".", parts);
}

static bool check_name(const CcbRequest *request, const char *name, GError **error)
{
    g_auto(GStrv) names = known_names(request->action);
    g_autofree char *pattern = name_pattern(name);
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

/* What ccbake decides for want of anything better; the rest of what it sets makes the image or the
 * instance what it has to be, or has an option of its own. */
static bool may_be_replaced(const char *name)
{
    static const char *const names[] = {"SystemDisk.Category",
                                        "DataDisk.1.Category",
                                        "InternetChargeType",
                                        "RoleName",
                                        "Platform",
                                        NULL};
    return g_strv_contains(names, name);
}

/* Numbers up to that of the tag that a request may get at the end. */
static bool is_own_tag(const CcbRequest *request, const char *name)
{
    static const char prefix[] = "Tag.";
    return g_str_has_prefix(name, prefix) &&
           g_ascii_strtoull(name + strlen(prefix), NULL, 10) <= request->tags + 1;
}

static bool set(CcbRequest *request, const char *setting, GError **error)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "--set %s: expected NAME=VALUE", setting);
    g_autofree char *name = g_strndup(setting, (gsize)(equals - setting));
    if (!check_name(request, name, error))
        return false;
    request->forced = true;
    bool later = g_str_equal(name, "ClientToken") || g_str_equal(name, "DryRun") ||
                 is_own_tag(request, name);
    if (!later && ccb_request_get(request, name) == NULL) {
        ccb_request_add(request, name, equals + 1);
        return true;
    }
    for (guint i = 0; i < request->parameters->len && may_be_replaced(name); i++) {
        Parameter *p = request->parameters->pdata[i];
        if (g_str_equal(p->name, name)) {
            g_free(p->value);
            p->value = g_strdup(equals + 1);
            return true;
        }
    }
    ccb_fail(error, CCB_ERR_USAGE, "--set %s: ccbake sets this itself", name);
    return ccb_hint(error, "see the options of `ccbake request --help`, as --tag for tags");
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
    ccb_request_add(request, "ResourceGroupId", options->resource_group);
    for (const char *const *tag = options->tags; tag != NULL && *tag != NULL; tag++)
        if (!add_own_tag(request, *tag, error))
            return false;
    for (const char *const *s = options->settings; s != NULL && *s != NULL; s++)
        if (!set(request, *s, error))
            return false;
    g_autofree char *token = token_of(request, options->again);
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

json_t *ccb_request_to_json(const CcbRequest *request)
{
    json_t *json = json_pack("{ssss}", "Action", request->action, "Version", API_VERSION);
    for (guint i = 0; i < request->parameters->len; i++) {
        const Parameter *p = request->parameters->pdata[i];
        json_object_set_new(json, p->name, json_string(p->value));
    }
    return json;
}

/* As it stands where no shell would make anything else of it; caller frees. */
static char *shell_word(const char *word)
{
    static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_./:,@%+=";
    bool is_plain = word[0] != '\0' && word[strspn(word, plain)] == '\0';
    return is_plain ? g_strdup(word) : g_shell_quote(word);
}

/* The metadata of an older aliyun may lack a parameter that was set by name.  Besides, aliyun knows a parameter with a dot only below one that its metadata gives sub-parameters, and
 * Features has none there (openapi/rpc.go and meta/api.go of aliyun-cli, 3.0.200 to 3.4.9).  With
 * --force it sends what it is given; the method, which it then does not take from the metadata
 * either, is said. */
static bool is_unknown_to_cli(const CcbRequest *request)
{
    if (request->forced)
        return true;
    for (guint i = 0; i < request->parameters->len; i++)
        if (g_str_has_prefix(((const Parameter *)request->parameters->pdata[i])->name, "Features."))
            return true;
    return false;
}

static void add_word(GPtrArray *words, const char *word)
{
    g_ptr_array_add(words, g_strdup(word));
}

/* A word that begins with "-" is a flag to aliyun, wherever it stands: such a value is joined to its
 * name (cli/parser.go). */
GPtrArray *ccb_request_to_words(const CcbRequest *request)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    if (is_unknown_to_cli(request)) {
        add_word(words, "--force");
        add_word(words, "--method");
        add_word(words, "POST");
    }
    for (guint i = 0; i < request->parameters->len; i++) {
        const Parameter *p = request->parameters->pdata[i];
        g_autofree char *flag = g_strconcat("--", p->name, NULL);
        g_autofree char *joined = g_strconcat(flag, "=", p->value, NULL);
        add_word(words, p->value[0] == '-' ? joined : flag);
        if (p->value[0] != '-')
            add_word(words, p->value);
    }
    return words;
}

/* RegionId is a parameter like others to some versions of the CLI, which ask the endpoint of the
 * region that it is configured for; --region says both. */
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
