/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mode and owner of files and directories that the image has. */
#include "recipe/attributes.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    char *path, *mode, *owner;
    bool recursive;
} Entry;

typedef struct {
    CcbStepSettings common;
    GPtrArray *paths; /* Entry */
} Settings;

static const CcbField entry_fields[] = {
    CCB_SETTING(Entry, path, "path", STRING, "absolute path of what the image has",
                .required = true),
    CCB_SETTING(Entry, mode, "mode", STRING, "octal; default: it stays"),
    CCB_SETTING(Entry, owner, "owner", STRING, "UID:GID as numbers; default: it stays"),
    CCB_SETTING(Entry, recursive, "recursive", BOOL,
                "true: also of all that is below the directory; default: false"),
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, paths, "paths", MAPS, "a list of paths", .required = true,
                .fields = entry_fields, .size = sizeof(Entry)),
    {0},
};

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *list = ccb_node_get(step->origin->node, "paths");
    for (guint i = 0; i < s->paths->len; i++) {
        const Entry *e = s->paths->pdata[i];
        const CcbNode *node = list->items->pdata[i];
        if (!ccb_step_check_path(node, "path", e->path, error) ||
            !ccb_attributes_check(node, error))
            return false;
        if (e->mode == NULL && e->owner == NULL)
            return ccb_node_fail(node, error, "%s needs \"mode\" or \"owner\"", e->path);
        if (e->recursive && e->path[1] == '\0')
            return ccb_node_fail(ccb_node_get(node, "recursive"), error,
                                 "the whole image can't have one mode or owner");
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    GString *text = g_string_new("set");
    for (guint i = 0; i < s->paths->len; i++) {
        const Entry *e = s->paths->pdata[i];
        g_string_append_printf(
            text, "%s %s%s%s of %s%s", i > 0 ? "," : "", e->mode != NULL ? e->mode : "",
            e->mode != NULL && e->owner != NULL ? " " : "", e->owner != NULL ? e->owner : "",
            e->path, e->recursive ? " and below" : "");
    }
    return g_string_free(text, FALSE);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < s->paths->len; i++) {
        const Entry *e = s->paths->pdata[i];
        CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ATTR, e->path, NULL);
        change->attr = (CcbFileAttr){CCB_KEEP_MODE, CCB_KEEP_OWNER, CCB_KEEP_OWNER};
        change->recursive = e->recursive;
        if (e->mode != NULL)
            ccb_mode_parse(e->mode, &change->attr.mode);
        if (e->owner != NULL)
            ccb_owner_parse(e->owner, &change->attr.uid, &change->attr.gid);
    }
    return true;
}

const CcbStepKind ccb_step_chmod = {
    .name = "chmod",
    .summary = "set mode and owner of files and directories",
    .version = 1,
    .fields = fields,
    .list = "paths",
    .settings_size = sizeof(Settings),
    .check = check,
    .describe = describe,
    .changes = changes,
};
