/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request/request.h"

#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "request/build.h"

#define API_VERSION "2014-05-26"

typedef struct {
    char *name, *value;
} Parameter;

struct CcbRequest {
    const char *action;
    GPtrArray *parameters; /* Parameter */
    unsigned tags;
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

void ccb_request_finish(CcbRequest *request, const char *again, bool dry_run)
{
    g_autofree char *token = token_of(request, again);
    if (dry_run)
        ccb_request_add(request, "DryRun", "true");
    else
        ccb_request_add(request, "ClientToken", token);
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

/* aliyun knows a parameter with a dot only below one that its metadata gives sub-parameters, and
 * Features has none there (openapi/rpc.go and meta/api.go of aliyun-cli, 3.0.200 to 3.4.9).  With
 * --force it sends what it is given; the method, which it then does not take from the metadata
 * either, is said. */
static bool is_unknown_to_cli(const CcbRequest *request)
{
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
