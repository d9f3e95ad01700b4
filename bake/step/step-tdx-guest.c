/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameters of the module tdx_guest, on the disk and in the initramfs: tsm_api says by which way an instance gets its
 * quotes, and which value is right depends on kernel and instance type.  The self-test of the image proves it.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

#define MODPROBE_PATH "/etc/modprobe.d/ccbake-tdx-guest.conf"

typedef struct {
    CcbStepSettings common;
    char **options;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, options, "options", STRINGS, "parameters of tdx_guest: NAME=VALUE",
                .required = true),
    {0},
};

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    ccb_expect_words(&expect->tdx_guest, s->options);
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *node = ccb_node_get(step->origin->node, "options");
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char **option = context->expect->tdx_guest; option != NULL && *option != NULL; option++) {
        size_t length = strspn(*option, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_");
        if (length == 0 || (*option)[length] != '=' || (*option)[length + 1] == '\0' ||
            strpbrk(*option, " \t\n\"\\#") != NULL)
            return ccb_node_fail(node, error, "\"options\": \"%s\" is not NAME=VALUE", *option);
        if (!g_hash_table_add(names, g_strndup(*option, length)))
            return ccb_node_fail(node, error, "\"options\": %.*s is set to two values", (int)length,
                                 *option);
    }
    return s->options[0] != NULL ||
           ccb_node_fail(node, error, "\"options\": expected at least one");
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *options = g_strjoinv(" ", s->options);
    return g_strdup_printf("set %s of the module tdx_guest", options);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *options = g_strjoinv(" ", s->options);
    g_autofree char *text = g_strdup_printf("# Written by ccbake: by which way TDX quotes come.\n"
                                            "options tdx_guest %s\n",
                                            options);
    ccb_change_text(changes, MODPROBE_PATH, text);
    ccb_change_text(changes, "/etc/dracut.conf.d/ccbake-tdx-guest.conf",
                    "# Written by ccbake, for later initramfs images.\n"
                    "install_items+=\" " MODPROBE_PATH " \"\n");
    return true;
}

const CcbStepKind ccb_step_tdx_guest = {
    .name = "tdx-guest",
    .summary = "set parameters of the module tdx_guest",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .feeds_initramfs = true,
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
};
