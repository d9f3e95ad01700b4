/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd units: files of the recipe go to /etc/systemd/system, where no package replaces them;
 * units are enabled as `systemctl enable` does on a system that is not running, by the links of
 * [Install]; consumers of the GPU, also those that come later, get a drop-in that makes them wait.
 */
#include <string.h>

#include "base/file.h"
#include "step/common.h"
#include "step/kinds.h"
#include "systemd/unit.h"

static const CcbField wait_fields[] = {
    {"unit", CCB_FIELD_STRING, true, "unit that must have started", NULL, NULL},
    {"consumers", CCB_FIELD_STRINGS, true, "units that wait for it; they may not exist yet", NULL,
     NULL},
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"install", CCB_FIELD_FILES, false, "unit files, relative to the recipe", NULL, NULL},
    {"wait-for", CCB_FIELD_MAPS, false, "drop-ins for units that need another first", NULL,
     wait_fields},
    {"enable", CCB_FIELD_STRINGS, false, "units to start at boot", NULL, NULL},
    {"disable", CCB_FIELD_STRINGS, false, "units not to start at boot; missing ones are fine", NULL,
     NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    const CcbNode *setting = ccb_node_get(step->node, "install");
    g_auto(GStrv) files = ccb_node_get_strings(step->node, "install");
    for (char **file = files; *file != NULL; file++) {
        g_autofree char *path = ccb_schema_host_path(setting, *file);
        g_autofree char *text = ccb_read_file(path, 0, NULL, NULL);
        if (text == NULL)
            return ccb_node_fail(setting, error, "\"install\": can't read the unit file %s", path);
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_auto(GStrv) files = ccb_node_get_strings(step->settings, "install");
    g_auto(GStrv) enabled = ccb_node_get_strings(step->settings, "enable");
    for (char **file = files; *file != NULL; file++) {
        char *name = g_path_get_basename(*file);
        g_free(*file);
        *file = name;
    }
    g_autofree char *installed = g_strjoinv(", ", files);
    g_autofree char *started = g_strjoinv(", ", enabled);
    return g_strdup_printf("install %s; enable %s", installed[0] ? installed : "no unit",
                           started[0] ? started : "none");
}

/* Puts a file of the host, or a text, at a path of the guest, or says so. */
typedef bool (*PutFunc)(void *to, const char *what, const char *path, GError **error);

/* Every file that "install" names. */
static bool each_file(const CcbStep *step, PutFunc put, void *to, GError **error)
{
    const CcbNode *setting = ccb_node_get(step->settings, "install");
    g_auto(GStrv) files = ccb_node_get_strings(step->settings, "install");
    for (char **file = files; *file != NULL; file++) {
        g_autofree char *source = ccb_schema_host_path(setting, *file);
        g_autofree char *name = g_path_get_basename(*file);
        g_autofree char *target = g_build_filename(CCB_UNIT_DIR, name, NULL);
        if (!put(to, source, target, error))
            return false;
    }
    return true;
}

/* Every drop-in of "wait-for". */
static bool each_drop_in(const CcbStep *step, PutFunc put, void *to, GError **error)
{
    const CcbNode *list = ccb_node_get(step->settings, "wait-for");
    for (guint i = 0; list != NULL && i < list->items->len; i++) {
        const CcbNode *row = list->items->pdata[i];
        const char *unit = ccb_node_get_text(row, "unit");
        g_auto(GStrv) consumers = ccb_node_get_strings(row, "consumers");
        for (char **consumer = consumers; *consumer != NULL; consumer++) {
            g_autofree char *path = g_strdup_printf(CCB_UNIT_DIR "/%s.d/10-ccbake.conf", *consumer);
            g_autofree char *text = g_strdup_printf("# Written by ccbake: %s needs the GPU ready.\n"
                                                    "[Unit]\nAfter=%s\nWants=%s\n",
                                                    *consumer, unit, unit);
            if (!put(to, text, path, error))
                return false;
        }
    }
    return true;
}

static bool declare_file(void *to, const char *source, const char *path, GError **error)
{
    return ccb_effect_upload(to, source, path, 0644, 0, 0, error);
}

static bool declare_drop_in(void *to, const char *text, const char *path, GError **error)
{
    ccb_effect_file(to, path, text, strlen(text));
    return true;
}

static void declare_names(GPtrArray *effect, const CcbStep *step, const char *key,
                          CcbEffectKind kind)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, key);
    for (char **name = names; *name != NULL; name++)
        ccb_effect_add(effect, kind, NULL, *name);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    if (!each_file(step, declare_file, effect, error) ||
        !each_drop_in(step, declare_drop_in, effect, error))
        return false;
    declare_names(effect, step, "disable", CCB_EFFECT_DISABLE);
    declare_names(effect, step, "enable", CCB_EFFECT_ENABLE);
    return true;
}

static bool install_file(void *to, const char *source, const char *path, GError **error)
{
    return ccb_guest_upload(to, source, path, 0644, 0, 0, error);
}

static bool write_drop_in(void *to, const char *text, const char *path, GError **error)
{
    return ccb_guest_write(to, path, text, strlen(text), 0644, 0, 0, error);
}

/* Where systemd would find the unit's file; caller frees. */
static char *find_unit(CcbBake *bake, const char *name, GError **error)
{
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        char *path = g_build_filename(*dir, name, NULL);
        if (ccb_guest_exists(bake->guest, path))
            return path;
        g_free(path);
    }
    ccb_fail(error, CCB_ERR_STEP, "the image has no unit %s to enable", name);
    return NULL;
}

static bool enable(CcbBake *bake, const char *name, GError **error)
{
    g_autofree char *path = find_unit(bake, name, error);
    size_t size = 0;
    g_autofree char *text = path ? ccb_guest_read(bake->guest, path, &size, error) : NULL;
    g_autoptr(CcbUnit) unit = text ? ccb_unit_parse(text, size, path, error) : NULL;
    g_autoptr(GPtrArray) links = unit ? ccb_unit_links(unit, name, error) : NULL;
    if (links == NULL)
        return false;
    for (guint i = 0; i < links->len; i++)
        if (!ccb_guest_symlink(bake->guest, path, links->pdata[i], error))
            return false;
    return links->len > 0 ||
           ccb_fail(error, CCB_ERR_STEP, "%s has no [Install] section that would start it", path);
}

/* Every link in a .wants or .requires directory goes; the unit's file stays. */
static bool disable(CcbBake *bake, const char *name, GError **error)
{
    g_auto(GStrv) entries = ccb_guest_list(bake->guest, CCB_UNIT_DIR, error);
    if (entries == NULL)
        return false;
    for (char **entry = entries; *entry != NULL; entry++) {
        if (!g_str_has_suffix(*entry, ".wants") && !g_str_has_suffix(*entry, ".requires"))
            continue;
        g_autofree char *link = g_build_filename(CCB_UNIT_DIR, *entry, name, NULL);
        if (!ccb_guest_remove(bake->guest, link, error))
            return false;
    }
    return true;
}

static bool for_each(CcbBake *bake, const CcbStep *step, const char *key,
                     bool (*change)(CcbBake *, const char *, GError **), GError **error)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, key);
    for (char **name = names; *name != NULL; name++)
        if (!change(bake, *name, error))
            return false;
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    return each_file(step, install_file, bake->guest, error) &&
           each_drop_in(step, write_drop_in, bake->guest, error) &&
           for_each(bake, step, "disable", disable, error) &&
           for_each(bake, step, "enable", enable, error);
}

const CcbStepKind ccb_step_units = {
    .name = "units",
    .summary = "install, order, enable and disable systemd units",
    .version = 1,
    .fields = fields,
    .check = check,
    .describe = describe,
    .declare = declare,
    .run = run,
};
