/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree of files, usually from overlays/, laid over the image.  Owner and modes are what the
 * recipe declares, not what the builder's checkout happened to have: of a file's own mode only the
 * executable bit counts, as in git.
 */
#include "base/tree.h"
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"source", CCB_FIELD_TREE, true, "directory, relative to the recipe", NULL, NULL},
    {"target", CCB_FIELD_STRING, false, "where it goes in the image; default: /", NULL, NULL},
    {"owner", CCB_FIELD_STRING, false, "UID:GID as numbers; default: 0:0", NULL, NULL},
    {"modes", CCB_FIELD_NAMED, false, "path in the image: octal mode, where 0644, 0755 won't do",
     NULL, NULL},
    {0},
};

typedef struct {
    CcbBake *bake;     /* NULL while the step is only declared */
    GPtrArray *effect; /* NULL while it runs */
    const CcbNode *settings;
    const char *target;
    uid_t uid;
    gid_t gid;
} Copy;

static char *source_path(const CcbNode *settings)
{
    const CcbNode *source = ccb_node_get(settings, "source");
    return ccb_schema_host_path(source, source->text);
}

static bool parse_owner(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    guint64 uid, gid;
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    if (g_strv_length(parts) != 2 ||
        !g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT32 - 1, &uid, NULL) ||
        !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT32 - 1, &gid, NULL))
        return false;
    *ret_uid = (uid_t)uid;
    *ret_gid = (gid_t)gid;
    return true;
}

static bool parse_mode(const char *text, mode_t *ret_mode)
{
    guint64 mode;
    if (!g_ascii_string_to_unsigned(text, 8, 0, 07777, &mode, NULL))
        return false;
    *ret_mode = (mode_t)mode;
    return true;
}

static bool check_modes(const CcbNode *modes, GError **error)
{
    mode_t mode;
    for (guint i = 0; modes != NULL && modes->type == CCB_NODE_MAP && i < modes->keys->len; i++) {
        const CcbNode *key = modes->keys->pdata[i], *value = modes->items->pdata[i];
        if (key->text[0] != '/')
            return ccb_node_fail(key, error, "\"modes\": %s is not an absolute path in the image",
                                 key->text);
        if (!parse_mode(value->text, &mode))
            return ccb_node_fail(value, error, "\"modes\": \"%s\" is not an octal mode",
                                 value->text);
    }
    return true;
}

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    uid_t uid;
    gid_t gid;
    const CcbNode *owner = ccb_node_get(step->node, "owner");
    const CcbNode *target = ccb_node_get(step->node, "target");
    g_autofree char *source = source_path(step->node);
    if (!g_file_test(source, G_FILE_TEST_IS_DIR))
        return ccb_node_fail(ccb_node_get(step->node, "source"), error,
                             "\"source\": there is no directory %s", source);
    if (owner && !parse_owner(owner->text, &uid, &gid))
        return ccb_node_fail(owner, error, "\"owner\": \"%s\" is not like 0:0", owner->text);
    if (target && target->text[0] != '/')
        return ccb_node_fail(target, error, "\"target\": \"%s\" is not an absolute path",
                             target->text);
    return check_modes(ccb_node_get(step->node, "modes"), error);
}

static const char *target_of(const CcbStep *step)
{
    const char *target = ccb_node_get_text(step->settings, "target");
    return target ? target : "/";
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("lay %s over %s", ccb_node_get_text(step->settings, "source"),
                           target_of(step));
}

static mode_t mode_for(const Copy *copy, const char *path, mode_t usual)
{
    mode_t mode = usual;
    const char *declared = ccb_node_get_text(ccb_node_get(copy->settings, "modes"), path);
    if (declared)
        parse_mode(declared, &mode);
    return mode;
}

static bool has_mode(const Copy *copy, const char *path)
{
    return ccb_node_get(ccb_node_get(copy->settings, "modes"), path) != NULL;
}

/* A directory that the image has already keeps its mode and owner unless the recipe declares a
 * mode. */
static bool copy_directory(const Copy *copy, const char *path, GError **error)
{
    if (!has_mode(copy, path) && ccb_guest_exists(copy->bake->guest, path))
        return true;
    return ccb_guest_mkdir(copy->bake->guest, path, mode_for(copy, path, 0755), copy->uid,
                           copy->gid, error);
}

static bool copy_entry(const CcbTreeEntry *entry, void *data, GError **error)
{
    const Copy *copy = data;
    g_autofree char *path = g_build_filename(copy->target, entry->path, NULL);
    if (entry->path[0] == '\0')
        return true;
    if (entry->type == 'd')
        return copy_directory(copy, path, error);
    if (entry->type == 'l')
        return ccb_guest_symlink(copy->bake->guest, entry->target, path, error);
    return ccb_guest_upload(copy->bake->guest, entry->absolute, path,
                            mode_for(copy, path, entry->executable ? 0755 : 0644), copy->uid,
                            copy->gid, error);
}

static bool declare_entry(const CcbTreeEntry *entry, void *data, GError **error)
{
    const Copy *copy = data;
    g_autofree char *path = g_build_filename(copy->target, entry->path, NULL);
    if (entry->path[0] == '\0')
        return true;
    if (entry->type == 'd') {
        CcbEffectItem *item = ccb_effect_add(copy->effect, CCB_EFFECT_DIRECTORY, path, NULL);
        item->mode = mode_for(copy, path, 0755);
        item->uid = copy->uid;
        item->gid = copy->gid;
        item->keep = !has_mode(copy, path);
        return true;
    }
    if (entry->type == 'l') {
        ccb_effect_add(copy->effect, CCB_EFFECT_LINK, path, entry->target);
        return true;
    }
    return ccb_effect_upload(copy->effect, entry->absolute, path,
                             mode_for(copy, path, entry->executable ? 0755 : 0644), copy->uid,
                             copy->gid, error);
}

static bool walk(Copy copy, const CcbStep *step, CcbTreeFunc visit, GError **error)
{
    g_autofree char *source = source_path(step->settings);
    const char *owner = ccb_node_get_text(step->settings, "owner");
    copy.settings = step->settings;
    copy.target = target_of(step);
    parse_owner(owner ? owner : "0:0", &copy.uid, &copy.gid);
    return ccb_tree_walk(source, visit, &copy, error);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    return walk((Copy){.effect = effect}, step, declare_entry, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    return walk((Copy){.bake = bake}, step, copy_entry, error);
}

const CcbStepKind ccb_step_overlay = {
    .name = "overlay",
    .summary = "lay a tree of files over the image",
    .version = 1,
    .fields = fields,
    .check = check,
    .describe = describe,
    .declare = declare,
    .run = run,
};
