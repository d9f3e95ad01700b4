/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd units: files of the recipe go to /etc/systemd/system, where no package replaces them;
 * units are enabled as `systemctl enable` does on a system that is not running, by the links of
 * [Install]; consumers of the GPU, also those that come later, get a drop-in that makes them wait.
 */
#include <string.h>

#include "base/file.h"
#include "format/unit.h"
#include "step/common.h"
#include "step/table.h"

#define UNIT_DIR "/etc/systemd/system"

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
    (void)recipe;
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
    (void)recipe;
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

static bool install_files(CcbBake *bake, const CcbStep *step, GError **error)
{
    const CcbNode *setting = ccb_node_get(step->settings, "install");
    g_auto(GStrv) files = ccb_node_get_strings(step->settings, "install");
    for (char **file = files; *file != NULL; file++) {
        g_autofree char *source = ccb_schema_host_path(setting, *file);
        g_autofree char *name = g_path_get_basename(*file);
        g_autofree char *target = g_build_filename(UNIT_DIR, name, NULL);
        if (!ccb_guest_upload(bake->guest, source, target, 0644, 0, 0, error))
            return false;
    }
    return true;
}

static bool write_drop_in(CcbBake *bake, const char *consumer, const char *unit, GError **error)
{
    g_autofree char *path = g_strdup_printf(UNIT_DIR "/%s.d/10-ccbake.conf", consumer);
    g_autofree char *text = g_strdup_printf("# Written by ccbake: %s needs the GPU ready.\n"
                                            "[Unit]\nAfter=%s\nWants=%s\n",
                                            consumer, unit, unit);
    return ccb_guest_write(bake->guest, path, text, strlen(text), 0644, 0, 0, error);
}

static bool write_drop_ins(CcbBake *bake, const CcbStep *step, GError **error)
{
    const CcbNode *list = ccb_node_get(step->settings, "wait-for");
    for (guint i = 0; list != NULL && i < list->items->len; i++) {
        const CcbNode *row = list->items->pdata[i];
        g_auto(GStrv) consumers = ccb_node_get_strings(row, "consumers");
        for (char **consumer = consumers; *consumer != NULL; consumer++)
            if (!write_drop_in(bake, *consumer, ccb_node_get_text(row, "unit"), error))
                return false;
    }
    return true;
}

/* Where systemd would find the unit's file; caller frees. */
static char *find_unit(CcbBake *bake, const char *name, GError **error)
{
    static const char *const places[] = {UNIT_DIR, "/usr/lib/systemd/system",
                                         "/lib/systemd/system"};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        char *path = g_build_filename(places[i], name, NULL);
        if (ccb_guest_exists(bake->guest, path))
            return path;
        g_free(path);
    }
    ccb_fail(error, CCB_ERR_STEP, "the image has no unit %s to enable", name);
    return NULL;
}

/* The link for one word of [Install]: UNIT_DIR/<target>.<suffix>/<name>, or UNIT_DIR/<alias>. */
static bool make_link(CcbBake *bake, const char *word, const char *suffix, const char *path,
                      GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *link = suffix ? g_strdup_printf(UNIT_DIR "/%s.%s/%s", word, suffix, name)
                                   : g_build_filename(UNIT_DIR, word, NULL);
    return ccb_guest_symlink(bake->guest, path, link, error);
}

static bool make_links(CcbBake *bake, const CcbUnit *unit, const char *key, const char *suffix,
                       const char *path, guint *links, GError **error)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Install", key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        g_autoptr(GPtrArray) words = ccb_unit_words(value->value, error);
        if (words == NULL)
            return false;
        for (guint j = 0; j < words->len; j++, (*links)++)
            if (!make_link(bake, words->pdata[j], suffix, path, error))
                return false;
    }
    return true;
}

static bool enable(CcbBake *bake, const char *name, GError **error)
{
    g_autofree char *path = find_unit(bake, name, error);
    size_t size = 0;
    g_autofree char *text = path ? ccb_guest_read(bake->guest, path, &size, error) : NULL;
    g_autoptr(CcbUnit) unit = text ? ccb_unit_parse(text, size, path, error) : NULL;
    guint links = 0;
    if (unit == NULL || !make_links(bake, unit, "WantedBy", "wants", path, &links, error) ||
        !make_links(bake, unit, "RequiredBy", "requires", path, &links, error) ||
        !make_links(bake, unit, "Alias", NULL, path, &links, error))
        return false;
    return links > 0 ||
           ccb_fail(error, CCB_ERR_STEP, "%s has no [Install] section that would start it", path);
}

/* Every link in a .wants or .requires directory goes; the unit's file stays. */
static bool disable(CcbBake *bake, const char *name, GError **error)
{
    g_auto(GStrv) entries = ccb_guest_list(bake->guest, UNIT_DIR, error);
    if (entries == NULL)
        return false;
    for (char **entry = entries; *entry != NULL; entry++) {
        if (!g_str_has_suffix(*entry, ".wants") && !g_str_has_suffix(*entry, ".requires"))
            continue;
        g_autofree char *link = g_build_filename(UNIT_DIR, *entry, name, NULL);
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
    return install_files(bake, step, error) && write_drop_ins(bake, step, error) &&
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
    .run = run,
};
