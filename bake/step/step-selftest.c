/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ccbake-selftest (overlays/selftest): says on the running instance whether it is what was baked.
 * The step brings the script, a unit that runs it once a boot where the recipe wants that, and what
 * to expect, which the other steps of the recipe tell.  Script and unit are linked into ccbake
 * (selftest.gresource.xml).
 */
#include <gio/gio.h>
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

#define SCRIPT      "ccbake-selftest"
#define UNIT        "ccbake-selftest.service"
#define SCRIPT_PATH "/usr/libexec/ccbake/" SCRIPT
#define UNIT_PATH   "/usr/lib/systemd/system/" UNIT
#define LINK_PATH   "/etc/systemd/system/multi-user.target.wants/" UNIT
#define CONF_PATH   "/etc/ccbake/selftest.conf"

typedef struct {
    char **command, **failure;
    char *success;
} Attest;

typedef struct {
    CcbStepSettings common;
    bool enable;
    Attest *attest;
} Settings;

static const CcbField attest_fields[] = {
    CCB_SETTING(Attest, command, "command", STRINGS, "words of the command, without spaces in them",
                .required = true),
    CCB_SETTING(Attest, success, "success", STRING, "what its output holds when all is well",
                .required = true),
    CCB_SETTING(Attest, failure, "failure", STRINGS,
                "texts of which it must hold none; default: none"),
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, enable, "enable", BOOL, "run it at every boot; default: false"),
    CCB_SETTING(Settings, attest, "attest", MAP, "local attestation; default: none",
                .fields = attest_fields, .size = sizeof(Attest)),
    {0},
};

GResource *ccb_selftest_get_resource(void); /* made by glib-compile-resources */

/* A file of overlays/selftest: a text of the program, which GIO ends with a zero byte. */
static const char *linked_in(const char *name)
{
    g_autofree char *path = g_strconcat("/", name, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) file = g_resource_lookup_data(ccb_selftest_get_resource(), path,
                                                    G_RESOURCE_LOOKUP_FLAGS_NONE, &error);
    if (file == NULL)
        g_error("%s", error->message); /* a mistake in the build */
    return g_bytes_get_data(file, NULL);
}

/* The script splits the command at spaces and reads its settings by lines. */
static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *attest = ccb_node_get(step->origin->node, "attest");
    const char *bad = NULL;
    if (attest == NULL)
        return true;
    for (char **word = s->attest->command; *word != NULL; word++)
        if ((*word)[0] == '\0' || strpbrk(*word, " \t\n") != NULL)
            return ccb_node_fail(ccb_node_get(attest, "command"), error,
                                 "\"command\": \"%s\" is empty or has spaces in it", *word);
    for (char **text = s->attest->failure; *text != NULL; text++)
        if ((*text)[0] == '\0' || strchr(*text, '\n') != NULL)
            bad = "failure";
    if (s->attest->success[0] == '\0' || strchr(s->attest->success, '\n') != NULL)
        bad = "success";
    return bad == NULL || ccb_node_fail(ccb_node_get(attest, bad), error,
                                        "\"%s\": expected one line of text", bad);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    return g_strdup_printf("install %s, %s", SCRIPT_PATH,
                           s->enable ? "run at every boot" : "not run at boot");
}

static void add(GString *text, const char *name, const char *value)
{
    g_autofree char *line = g_strdelimit(g_strdup(value ? value : ""), "\n", ' ');
    g_string_append_printf(text, "%s=%s\n", name, line);
}

/* The slabs of swiotlb=SLABS[,...]; caller frees; NULL where the recipe sets none. */
static char *slabs_of(char **arguments)
{
    static const char name[] = "swiotlb=";
    for (char **arg = arguments; arg != NULL && *arg != NULL; arg++) {
        const char *value = *arg + strlen(name);
        if (g_str_has_prefix(*arg, name) && g_ascii_isdigit(value[0]))
            return g_strndup(value, strspn(value, "0123456789"));
    }
    return NULL;
}

/* What a running instance should show.  Caller frees. */
static char *configuration(const CcbStepContext *context, const Attest *attest)
{
    static const char tsm_api[] = "tsm_api=";
    const CcbExpectation *expect = context->expect;
    GString *text = g_string_new("# Written by ccbake: what ccbake-selftest expects.\n");
    g_autofree char *slabs = slabs_of(expect->kernel_args);
    g_autofree char *consumers = expect->consumers ? g_strjoinv(" ", expect->consumers) : NULL;
    g_string_append_printf(text, "gpus=%u\n", expect->gpus);
    add(text, "driver", expect->driver);
    add(text, "fabric_manager", expect->fabric_manager);
    add(text, "nscq", expect->nscq);
    add(text, "swiotlb", slabs);
    add(text, "consumers", consumers);
    for (char **option = expect->tdx_guest; option != NULL && *option != NULL; option++)
        if (g_str_has_prefix(*option, tsm_api))
            add(text, "tsm_api", *option + strlen(tsm_api));
    add(text, "kernel", context->facts != NULL ? context->facts->default_kver : NULL);
    g_autofree char *command = attest != NULL ? g_strjoinv(" ", attest->command) : NULL;
    add(text, "attest", command);
    add(text, "attest_success", attest != NULL ? attest->success : NULL);
    for (char **failure = attest ? attest->failure : NULL; failure && *failure != NULL; failure++)
        add(text, "attest_failure", *failure);
    add(text, "baked", context->key);
    return g_string_free(text, FALSE);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *conf = configuration(context, s->attest);
    ccb_change_text(changes, SCRIPT_PATH, linked_in(SCRIPT))->attr.mode = 0755;
    ccb_change_text(changes, UNIT_PATH, linked_in(UNIT));
    if (context->facts != NULL && (context->facts->default_kver[0] == '\0' || context->key == NULL))
        ccb_change_unknown(changes, CONF_PATH, "what the instance is expected to show");
    else
        ccb_change_text(changes, CONF_PATH, conf)->incomplete = context->facts == NULL;
    if (s->enable)
        ccb_change_add(changes, CCB_CHANGE_LINK, LINK_PATH, UNIT_PATH);
    else
        ccb_change_add(changes, CCB_CHANGE_DISABLE, NULL, UNIT);
    return true;
}

const CcbStepKind ccb_step_selftest = {
    .name = "selftest",
    .summary = "bring the self-test that runs on the instance",
    .version = 2,
    .is_selftest = true,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .check = check,
    .describe = describe,
    .changes = changes,
};
