/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel arguments; change/arguments.h has the places. */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"
#include "text/cmdline.h"

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
    if (s->set[0] == NULL && s->remove[0] == NULL)
        return ccb_node_fail(step->origin->position, error,
                             "kernel-args needs arguments under \"set\" or \"remove\"");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        for (char **word = lists[i]; *word != NULL; word++)
            if (strpbrk(*word, " \t\n") != NULL || (*word)[0] == '\0' || (*word)[0] == '=' ||
                strcmp(*word, "--") == 0)
                return ccb_node_fail(ccb_node_get(step->origin->node, keys[i]), error,
                                     "\"%s\" is %s argument", *word,
                                     strpbrk(*word, " \t\n") != NULL ? "more than one" : "no");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *line = g_strjoinv(" ", lists[i]);
        g_autoptr(GError) reason = NULL;
        g_autoptr(CcbCmdline) parsed = ccb_cmdline_parse(line, &reason);
        if (parsed == NULL)
            return ccb_node_fail(ccb_node_get(step->origin->node, keys[i]), error, "\"%s\": %s",
                                 keys[i], reason->message);
    }
    return true;
}

/* NULL for a line without arguments: nothing is expected then. */
static void replace_words(char ***member, const CcbCmdline *line)
{
    g_autoptr(GPtrArray) arguments = ccb_cmdline_arguments(line);
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    for (guint i = 0; i < arguments->len; i++)
        g_strv_builder_add(words, arguments->pdata[i]);
    g_strfreev(*member);
    *member = arguments->len > 0 ? g_strv_builder_end(words) : NULL;
}

/* Of several steps the later ones count. */
static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    g_autofree char *before = expect->kernel_args ? g_strjoinv(" ", expect->kernel_args) : NULL;
    g_autofree char *gone = expect->removed_args ? g_strjoinv(" ", expect->removed_args) : NULL;
    g_autoptr(CcbCmdline) wanted = ccb_cmdline_parse(before ? before : "", NULL);
    g_autoptr(CcbCmdline) removed = ccb_cmdline_parse(gone ? gone : "", NULL);
    if (wanted == NULL || removed == NULL)
        return; /* with a quote that is not closed: .check refuses it */
    for (char **word = s->remove; *word != NULL; word++) {
        ccb_cmdline_remove(wanted, *word);
        ccb_cmdline_set(removed, *word, NULL);
    }
    for (char **word = s->set; *word != NULL; word++) {
        g_autofree char *name = g_strndup(*word, strcspn(*word, "="));
        ccb_cmdline_set(wanted, *word, NULL);
        ccb_cmdline_remove(removed, name);
    }
    replace_words(&expect->kernel_args, wanted);
    replace_words(&expect->removed_args, removed);
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
    .version = 2,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
};
