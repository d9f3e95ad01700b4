/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd units: files of the recipe go to /etc/systemd/system, where no package replaces them;
 * units are enabled as `systemctl enable` does on a system that is not running, by the links of
 * [Install]; consumers of the GPU, also those that come later, get a drop-in that makes them wait.
 */
#include <string.h>

#include "guide/gpu-units.h"
#include "recipe/attributes.h"
#include "step/common.h"
#include "step/kinds.h"
#include "systemd/unit.h"

typedef struct {
    char *unit;
    char **consumers, **later;
} Wait;

typedef struct {
    CcbStepSettings common;
    char **install, **enable, **disable, **mask;
    GPtrArray *waits; /* Wait */
} Settings;

static const CcbField wait_fields[] = {
    CCB_SETTING(Wait, unit, "unit", STRING, "unit that must have started", .required = true),
    CCB_SETTING(Wait, consumers, "consumers", STRINGS, "units that wait for it"),
    CCB_SETTING(Wait, later, "later", STRINGS, "the same, of units that the image lacks yet"),
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

static bool check_names(char *const *names, const CcbNode *map, const char *key, GError **error)
{
    for (; *names != NULL; names++) {
        g_autofree char *name = g_path_get_basename(*names); /* of a file to install */
        if (!ccb_check_unit_name(ccb_node_get(map, key), key, name, error))
            return false;
    }
    return true;
}

static bool check_wait(const Wait *wait, const CcbNode *node, GError **error)
{
    char *const unit[] = {wait->unit, NULL};
    if (wait->consumers[0] == NULL && wait->later[0] == NULL)
        return ccb_node_fail(
            node, error, "wait-for needs \"consumers\" or \"later\", the units that wait for %s",
            wait->unit);
    if (!check_names(unit, node, "unit", error) ||
        !check_names(wait->consumers, node, "consumers", error) ||
        !check_names(wait->later, node, "later", error))
        return false;
    if (g_strv_contains((const char *const *)wait->consumers, wait->unit) ||
        g_strv_contains((const char *const *)wait->later, wait->unit))
        return ccb_node_fail(node, error, "%s can't wait for itself", wait->unit);
    return true;
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    for (char **file = s->install; *file != NULL; file++)
        if (!g_file_test(*file, G_FILE_TEST_IS_REGULAR))
            return ccb_node_fail(ccb_node_get(step->origin->node, "install"), error,
                                 "\"install\": can't read the unit file %s", *file);
    const CcbNode *node = step->origin->node;
    for (guint i = 0; i < s->waits->len; i++)
        if (!check_wait(s->waits->pdata[i], ccb_node_get(node, "wait-for")->items->pdata[i], error))
            return false;
    return check_names(s->install, node, "install", error) &&
           check_names(s->enable, node, "enable", error) &&
           check_names(s->disable, node, "disable", error) &&
           check_names(s->mask, node, "mask", error);
}

static void expect_orders(CcbExpectation *expect, char *const *consumers, const char *unit)
{
    for (; *consumers != NULL; consumers++) {
        char *order[] = {g_strdup_printf("%s after %s", *consumers, unit), NULL};
        ccb_expect_words(&expect->orders, order);
        g_free(order[0]);
    }
}

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < s->waits->len; i++) {
        const Wait *wait = s->waits->pdata[i];
        expect_orders(expect, wait->consumers, wait->unit);
        expect_orders(expect, wait->later, wait->unit);
        if (strcmp(wait->unit, CCB_PERSISTENCED) != 0)
            continue;
        ccb_expect_words(&expect->consumers, wait->consumers);
        ccb_expect_words(&expect->consumers, wait->later);
    }
}

/* "WHAT a, b" for a list that is not empty. */
static void describe_list(GString *text, const char *what, char *const *names)
{
    g_autofree char *joined = g_strjoinv(", ", (char **)names);
    if (names[0] != NULL)
        g_string_append_printf(text, "%s%s %s", text->len > 0 ? "; " : "", what, joined);
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
    GString *text = g_string_new(NULL);
    describe_list(text, "install", files);
    for (guint i = 0; i < s->waits->len; i++) {
        const Wait *wait = s->waits->pdata[i];
        g_autofree char *after = g_strconcat(" after ", wait->unit, NULL);
        describe_list(text, "order", wait->consumers);
        g_string_append(text, wait->consumers[0] != NULL ? after : "");
        describe_list(text, "order", wait->later);
        g_string_append(text, wait->later[0] != NULL ? after : "");
    }
    describe_list(text, "enable", s->enable);
    describe_list(text, "disable", s->disable);
    describe_list(text, "mask", s->mask);
    return g_string_free(text->len > 0 ? text : g_string_append(text, "nothing"), FALSE);
}

/* One file for each unit that is waited for, so that several orders of one consumer all hold. */
static void add_drop_ins(GPtrArray *changes, char *const *consumers, const char *unit)
{
    for (; *consumers != NULL; consumers++) {
        g_autofree char *path =
            g_strdup_printf(CCB_UNIT_DIR "/%s.d/10-ccbake-%s.conf", *consumers, unit);
        g_autofree char *text = g_strdup_printf("# Written by ccbake: %s starts after %s.\n"
                                                "[Unit]\nAfter=%s\nWants=%s\n",
                                                *consumers, unit, unit, unit);
        ccb_change_text(changes, path, text);
    }
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
        ccb_change_add(changes, CCB_CHANGE_NEED, NULL, wait->unit);
        ccb_change_units(changes, CCB_CHANGE_NEED, wait->consumers);
        add_drop_ins(changes, wait->consumers, wait->unit);
        add_drop_ins(changes, wait->later, wait->unit);
    }
    ccb_change_units(changes, CCB_CHANGE_DISABLE, s->disable);
    ccb_change_units(changes, CCB_CHANGE_MASK, s->mask);
    ccb_change_units(changes, CCB_CHANGE_ENABLE, s->enable);
    return true;
}

const CcbStepKind ccb_step_units = {
    .name = "units",
    .summary = "install, order, enable, disable and mask systemd units",
    .version = 4,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
};
