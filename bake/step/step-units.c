/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd units: files of the recipe go to /etc/systemd/system, where no package replaces them;
 * units are enabled as `systemctl enable` does on a system that is not running, by the links of
 * [Install]; consumers of the GPU, also those that come later, get a drop-in that makes them wait.
 */
#include "step/common.h"
#include "step/kinds.h"
#include "systemd/unit.h"

typedef struct {
    char *unit;
    char **consumers;
} Wait;

typedef struct {
    CcbStepSettings common;
    char **install, **enable, **disable, **mask;
    GPtrArray *waits; /* Wait */
} Settings;

static const CcbField wait_fields[] = {
    CCB_SETTING(Wait, unit, "unit", STRING, "unit that must have started", .required = true),
    CCB_SETTING(Wait, consumers, "consumers", STRINGS,
                "units that wait for it; they may not exist yet", .required = true),
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, install, "install", FILES, "unit files, relative to the recipe"),
    CCB_SETTING(Settings, waits, "wait-for", MAPS, "drop-ins for units that need another first",
                .fields = wait_fields, .size = sizeof(Wait)),
    CCB_SETTING(Settings, enable, "enable", STRINGS, "units to start at boot"),
    CCB_SETTING(Settings, disable, "disable", STRINGS,
                "units not to start at boot; missing ones are fine"),
    CCB_SETTING(Settings, mask, "mask", STRINGS, "units that nothing may start"),
    {0},
};

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    for (char **file = s->install; *file != NULL; file++)
        if (!g_file_test(*file, G_FILE_TEST_IS_REGULAR))
            return ccb_node_fail(ccb_node_get(step->origin->node, "install"), error,
                                 "\"install\": can't read the unit file %s", *file);
    return true;
}

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < s->waits->len; i++)
        ccb_expect_words(&expect->consumers, ((const Wait *)s->waits->pdata[i])->consumers);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (char **file = s->install; *file != NULL; file++) {
        g_autofree char *name = g_path_get_basename(*file);
        g_strv_builder_add(names, name);
    }
    g_auto(GStrv) files = g_strv_builder_end(names);
    g_autofree char *installed = g_strjoinv(", ", files);
    g_autofree char *enabled = g_strjoinv(", ", s->enable);
    return g_strdup_printf("install %s; enable %s", installed[0] ? installed : "no unit",
                           enabled[0] ? enabled : "none");
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    for (char **file = s->install; *file != NULL; file++) {
        g_autofree char *name = g_path_get_basename(*file);
        g_autofree char *target = g_build_filename(CCB_UNIT_DIR, name, NULL);
        ccb_change_upload(changes, target, *file);
    }
    for (guint i = 0; i < s->waits->len; i++) {
        const Wait *wait = s->waits->pdata[i];
        for (char **consumer = wait->consumers; *consumer != NULL; consumer++) {
            g_autofree char *path = g_strdup_printf(CCB_UNIT_DIR "/%s.d/10-ccbake.conf", *consumer);
            g_autofree char *text = g_strdup_printf("# Written by ccbake: %s needs the GPU ready.\n"
                                                    "[Unit]\nAfter=%s\nWants=%s\n",
                                                    *consumer, wait->unit, wait->unit);
            ccb_change_text(changes, path, text);
        }
    }
    ccb_change_units(changes, CCB_CHANGE_DISABLE, s->disable);
    ccb_change_units(changes, CCB_CHANGE_MASK, s->mask);
    ccb_change_units(changes, CCB_CHANGE_ENABLE, s->enable);
    return true;
}

const CcbStepKind ccb_step_units = {
    .name = "units",
    .summary = "install, order, enable, disable and mask systemd units",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
};
