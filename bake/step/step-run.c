/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The escape hatch: commands of the recipe, or a script beside it, in the guest, without a network. */
#include <string.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    GPtrArray *commands; /* char ** */
    char *script;
    char **args;
    const CcbNode *env;
    char **payloads;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, commands, "commands", COMMANDS,
                "commands, each a list of words; no shell is added"),
    CCB_SETTING(Settings, script, "script", FILE,
                "or a script of the host, relative to the recipe"),
    CCB_SETTING(Settings, args, "args", STRINGS, "arguments of the script"),
    CCB_SETTING(Settings, env, "env", NAMED, "environment variables: name to value"),
    CCB_SETTING(Settings, payloads, "payloads", PAYLOADS, "files they find in " CCB_PAYLOAD_DIR),
    {0},
};

/* Puts its standard input at a scratch place under the name that the script has; then the script runs there. */
#define PUT_SCRIPT                                                                                 \
    "script=/tmp/ccbake-$1; shift; cat >\"$script\" && chmod 755 \"$script\" || exit 1; "
#define RUN_SCRIPT "\"$script\" \"$@\" </dev/null"

/* The text of the script; caller frees. */
static char *read_script(const Settings *s, GError **error)
{
    size_t size = 0;
    char *text = ccb_read_file(s->script, CCB_TEXT_MAX, &size, error);
    if (text == NULL || strlen(text) == size)
        return text;
    ccb_fail(error, CCB_ERR_RECIPE, "%s is no script: it has a NUL byte", s->script);
    g_free(text);
    return NULL;
}

static bool check_env(const Settings *s, GError **error)
{
    for (guint i = 0; s->env != NULL && i < s->env->keys->len; i++) {
        const CcbNode *name = s->env->keys->pdata[i];
        if (!g_regex_match_simple("^[A-Za-z_][A-Za-z0-9_]*$", name->text, 0, 0))
            return ccb_node_fail(name, error, "\"env\": \"%s\" is not the name of a variable",
                                 name->text);
    }
    return true;
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *node = step->origin->node, *script = ccb_node_get(node, "script");
    const CcbNode *commands = ccb_node_get(node, "commands"), *args = ccb_node_get(node, "args");
    if (commands == NULL && script == NULL)
        return ccb_node_fail(node != NULL ? node : step->origin->position, error,
                             "run needs \"commands\" or \"script\"");
    if (commands != NULL && script != NULL) {
        ccb_node_fail(script, error, "run has both \"commands\" and \"script\"");
        return ccb_hint(error, "make the commands a step of their own");
    }
    if (args != NULL && script == NULL)
        return ccb_node_fail(args, error, "\"args\" is for \"script\"");
    if (script != NULL && !g_file_test(s->script, G_FILE_TEST_IS_REGULAR))
        return ccb_node_fail(script, error, "\"script\": there is no file %s", s->script);
    g_autofree char *text = script != NULL ? read_script(s, error) : NULL;
    return (script == NULL || text != NULL) && check_env(s, error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    GString *text = g_string_new("run");
    for (guint i = 0; i < s->commands->len; i++) {
        g_autofree char *command = g_strjoinv(" ", s->commands->pdata[i]);
        g_string_append_printf(text, "%s %s", i > 0 ? ";" : "", command);
    }
    if (s->script != NULL)
        g_string_append_printf(text, " %s", ccb_node_get_text(step->origin->node, "script"));
    for (char **word = s->args; *word != NULL; word++)
        g_string_append_printf(text, " %s", *word);
    return g_string_free(text, FALSE);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    ccb_change_unknown(changes, NULL,
                       s->script != NULL ? "what its script does" : "what its commands do");
    return true;
}

/* Its variables as "NAME=value"; caller frees. */
static char **environment(const Settings *s)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    for (guint i = 0; s->env != NULL && i < s->env->keys->len; i++) {
        const CcbNode *name = s->env->keys->pdata[i], *value = s->env->items->pdata[i];
        g_autofree char *pair = g_strconcat(name->text, "=", value->text, NULL);
        g_strv_builder_add(list, pair);
    }
    return g_strv_builder_end(list);
}

static bool run_script(CcbBake *bake, const CcbStep *step, char *const *env, GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *text = read_script(s, error);
    g_autofree char *name = g_path_get_basename(s->script);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    if (text == NULL || !ccb_guest_check_script(bake->guest, s->script, text, error))
        return false;
    /* Without an interpreter of its own it is a script for sh. */
    bool has_interpreter = g_str_has_prefix(text, "#!");
    ccb_argv_add(words, "sh", "-c",
                 has_interpreter ? PUT_SCRIPT "exec " RUN_SCRIPT : PUT_SCRIPT "exec sh " RUN_SCRIPT,
                 "sh", name, NULL);
    for (char **word = s->args; *word != NULL; word++)
        g_ptr_array_add(words, g_strdup(*word));
    g_ptr_array_add(words, NULL);
    CcbCommand command = {.name = name,
                          .argv = (const char *const *)words->pdata,
                          .env = (const char *const *)env,
                          .stdin_text = text};
    return ccb_step_limited(bake, step, &command, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    g_auto(GStrv) env = environment(s);
    for (guint i = 0; i < s->commands->len; i++) {
        CcbCommand command = {.argv = s->commands->pdata[i], .env = (const char *const *)env};
        if (!ccb_step_limited(bake, step, &command, error))
            return false;
    }
    return s->script == NULL || run_script(bake, step, env, error);
}

const CcbStepKind ccb_step_run = {
    .name = "run",
    .summary = "run commands or a script in the guest",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .may_change_files = true,
    .check = check,
    .describe = describe,
    .changes = changes,
    .run = run,
};
