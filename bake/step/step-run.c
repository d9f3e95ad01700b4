/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The escape hatch: commands of the recipe, in the guest, without a network. */
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    GPtrArray *commands; /* char ** */
    char **payloads;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, commands, "commands", COMMANDS,
                "commands, each a list of words; no shell is added", .required = true),
    CCB_SETTING(Settings, payloads, "payloads", PAYLOADS, "files they find in " CCB_PAYLOAD_DIR),
    {0},
};

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    GString *text = g_string_new("run");
    for (guint i = 0; i < s->commands->len; i++) {
        g_autofree char *command = g_strjoinv(" ", s->commands->pdata[i]);
        g_string_append_printf(text, "%s %s", i > 0 ? ";" : "", command);
    }
    return g_string_free(text, FALSE);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    ccb_change_unknown(changes, NULL, "what its commands do");
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < s->commands->len; i++) {
        CcbCommand command = {.argv = s->commands->pdata[i]};
        if (!ccb_step_limited(bake, step, &command, error))
            return false;
    }
    return true;
}

const CcbStepKind ccb_step_run = {
    .name = "run",
    .summary = "run commands in the guest",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .may_change_files = true,
    .describe = describe,
    .changes = changes,
    .run = run,
};
