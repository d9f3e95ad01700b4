/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The escape hatch: commands of the recipe, in the guest, without a network. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"commands", CCB_FIELD_COMMANDS, true, "commands, each a list of words; no shell is added",
     NULL, NULL},
    {"payloads", CCB_FIELD_PAYLOADS, false, "files they find in " CCB_PAYLOAD_DIR, NULL, NULL},
    {0},
};

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const CcbNode *list = ccb_node_get(step->settings, "commands");
    GString *text = g_string_new("run");
    for (guint i = 0; i < list->items->len; i++) {
        const CcbNode *words = list->items->pdata[i];
        for (guint j = 0; j < words->items->len; j++)
            g_string_append_printf(text, " %s", ((CcbNode *)words->items->pdata[j])->text);
        if (i + 1 < list->items->len)
            g_string_append_c(text, ';');
    }
    return g_string_free(text, FALSE);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    ccb_effect_unknown(effect, NULL, "what its commands do");
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const CcbNode *list = ccb_node_get(step->settings, "commands");
    for (guint i = 0; i < list->items->len; i++) {
        const CcbNode *words = list->items->pdata[i];
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        for (guint j = 0; j < words->items->len; j++)
            g_ptr_array_add(argv, ((CcbNode *)words->items->pdata[j])->text);
        if (!ccb_step_command(bake, step, argv, error))
            return false;
    }
    return true;
}

const CcbStepKind ccb_step_run = {
    .name = "run",
    .summary = "run commands in the guest",
    .version = 1,
    .fields = fields,
    .describe = describe,
    .declare = declare,
    .run = run,
};
