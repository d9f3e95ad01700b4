/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree of files, usually from overlays/, laid over the image.  Owner and modes are what the
 * recipe says, not what the builder's checkout happens to have: files are 0644 or 0755 by their
 * executable bit, as in git.  Rights that the host denies to group and others stay denied: a key of
 * mode 0600 must not become readable by being put into an image.
 */
#include "base/text.h"
#include "base/tree.h"
#include "recipe/attributes.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char *source, *target, *owner;
    const CcbNode *modes;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, source, "source", TREE, "directory, relative to the recipe",
                .required = true),
    CCB_SETTING(Settings, target, "target", STRING, "where it goes in the image", .preset = "/"),
    CCB_SETTING(Settings, owner, "owner", STRING, "UID:GID as numbers", .preset = "0:0"),
    CCB_SETTING(Settings, modes, "modes", NAMED,
                "path in the image: octal mode, where 0644, 0755 won't do"),
    {0},
};

typedef struct {
    const Settings *settings;
    uid_t uid;
    gid_t gid;
    GPtrArray *changes; /* or */
    GPtrArray *paths;   /* char * */
} Overlay;

/* Adds the path that a file or directory has in the image: links have no mode. */
static bool add_path(const CcbTreeEntry *entry, void *data, GError **error)
{
    const Overlay *overlay = data;
    if (!g_utf8_validate(entry->path, -1, NULL) ||
        (entry->type == 'l' && !g_utf8_validate(entry->target, -1, NULL)))
        return ccb_fail(error, CCB_ERR_RECIPE, "%s: its name or target is not UTF-8",
                        entry->absolute);
    if (entry->path[0] != '\0' && entry->type != 'l')
        g_ptr_array_add(overlay->paths,
                        g_build_filename(overlay->settings->target, entry->path, NULL));
    return true;
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *node = step->origin->node;
    if (!g_file_test(s->source, G_FILE_TEST_IS_DIR))
        return ccb_node_fail(ccb_node_get(node, "source"), error,
                             "\"source\": there is no directory %s", s->source);
    if (!ccb_attributes_check(node, error))
        return false;
    if (s->target[0] != '/')
        return ccb_node_fail(ccb_node_get(node, "target"), error,
                             "\"target\": \"%s\" is not an absolute path", s->target);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    Overlay overlay = {.settings = s, .paths = paths};
    if (!ccb_tree_walk(s->source, add_path, &overlay, error))
        return false;
    g_ptr_array_add(paths, NULL);
    for (guint i = 0; s->modes != NULL && i < s->modes->keys->len; i++) {
        const CcbNode *path = s->modes->keys->pdata[i], *mode = s->modes->items->pdata[i];
        if (path->text[0] != '/')
            return ccb_node_fail(path, error, "\"modes\": %s is not an absolute path in the image",
                                 path->text);
        mode_t bits;
        if (!ccb_mode_parse(mode->text, &bits))
            return ccb_node_fail(mode, error, "\"modes\": \"%s\" is not an octal mode", mode->text);
        if (g_strv_contains((const char *const *)paths->pdata, path->text))
            continue;
        ccb_node_fail(path, error, "\"modes\": the tree puts nothing at %s", path->text);
        return ccb_hint_name(error, path->text, (const char *const *)paths->pdata, NULL);
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    return g_strdup_printf("lay %s over %s", ccb_node_get_text(step->origin->node, "source"),
                           s->target);
}

static bool add_entry(const CcbTreeEntry *entry, void *data, GError **error)
{
    const Overlay *overlay = data;
    g_autofree char *path = g_build_filename(overlay->settings->target, entry->path, NULL);
    if (entry->path[0] == '\0')
        return true;
    if (entry->type == 'l') {
        CcbChange *link = ccb_change_add(overlay->changes, CCB_CHANGE_LINK, path, entry->target);
        link->attr.uid = overlay->uid;
        link->attr.gid = overlay->gid;
        return true;
    }
    const char *mode = ccb_node_get_text(overlay->settings->modes, path);
    bool is_directory = entry->type == 'd';
    CcbChange *change = is_directory
                            ? ccb_change_add(overlay->changes, CCB_CHANGE_DIRECTORY, path, NULL)
                            : ccb_change_upload(overlay->changes, path, entry->absolute);
    change->keep = is_directory && mode == NULL;
    change->attr.mode = ccb_step_host_mode(is_directory, entry->mode);
    change->attr.uid = overlay->uid;
    change->attr.gid = overlay->gid;
    if (mode != NULL)
        ccb_mode_parse(mode, &change->attr.mode);
    return true;
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    Overlay overlay = {.settings = step->settings, .changes = changes};
    ccb_owner_parse(overlay.settings->owner, &overlay.uid, &overlay.gid);
    return ccb_tree_walk(overlay.settings->source, add_entry, &overlay, error);
}

const CcbStepKind ccb_step_overlay = {
    .name = "overlay",
    .summary = "lay a tree of files over the image",
    .version = 3,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .check = check,
    .describe = describe,
    .changes = changes,
};
