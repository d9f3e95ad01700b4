/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and directories that the image shall not have. */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char **paths;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, paths, "paths", STRINGS,
                "absolute paths; a directory goes with all that is in it, a missing path is fine",
                .required = true),
    {0},
};

/* A top-level directory, or all of the image, is a slip of the pen. */
static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    for (char **path = s->paths; *path != NULL; path++) {
        if (!ccb_step_check_path(step->origin->node, "paths", *path, error))
            return false;
        const CcbNode *node = ccb_node_get(step->origin->node, "paths");
        if (strpbrk(*path, "*?[") != NULL) {
            ccb_node_fail(node, error, "\"paths\": %s is a pattern, and no path", *path);
            return ccb_hint(error, "name each path, or use a run step: [sh, -c, \"rm %s\"]", *path);
        }
        if (strchr(*path + 1, '/') == NULL)
            return ccb_node_fail(node, error,
                                 "\"paths\": %s can't be removed; name what to remove inside it",
                                 *path);
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *list = g_strjoinv(", ", s->paths);
    return g_strdup_printf("remove %s", list);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    for (char **path = s->paths; *path != NULL; path++)
        ccb_change_add(changes, CCB_CHANGE_REMOVE, *path, NULL);
    return true;
}

const CcbStepKind ccb_step_remove = {
    .name = "remove",
    .summary = "remove files and directories",
    .version = 1,
    .fields = fields,
    .list = "paths",
    .settings_size = sizeof(Settings),
    .check = check,
    .describe = describe,
    .changes = changes,
};
