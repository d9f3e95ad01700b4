/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel arguments; change/arguments.h has the places. */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char **set, **remove;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, set, "set", STRINGS,
                "arguments to add; one with another value is replaced"),
    CCB_SETTING(Settings, remove, "remove", STRINGS, "arguments to take away"),
    {0},
};

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    static const char *const keys[] = {"set", "remove"};
    const Settings *s = step->settings;
    char **const lists[] = {s->set, s->remove};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        for (char **word = lists[i]; *word != NULL; word++)
            if (strpbrk(*word, " \t\n") != NULL)
                return ccb_node_fail(ccb_node_get(step->origin->node, keys[i]), error,
                                     "\"%s\" is more than one argument", *word);
    return true;
}

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    ccb_expect_words(&expect->kernel_args, s->set);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *added = g_strjoinv(" ", s->set);
    g_autofree char *removed = g_strjoinv(" ", s->remove);
    return g_strdup_printf("%s%s%s%s%s, in every boot entry and for later kernels",
                           added[0] ? "set " : "", added, added[0] && removed[0] ? ", " : "",
                           removed[0] ? "remove " : "", removed);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ARGUMENTS, NULL, NULL);
    change->set = g_strdupv(s->set);
    change->remove = g_strdupv(s->remove);
    return true;
}

const CcbStepKind ccb_step_kernel_args = {
    .name = "kernel-args",
    .summary = "set kernel arguments for every entry, this kernel and later ones",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
};
