/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single files, whose content is in the recipe or in a file of the host. */
#include <sys/stat.h>

#include "recipe/attributes.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    char *path, *content, *source, *mode, *owner;
    bool is_template;
} Entry;

typedef struct {
    CcbStepSettings common;
    GPtrArray *files; /* Entry */
} Settings;

static const CcbField entry_fields[] = {
    CCB_SETTING(Entry, path, "path", STRING, "absolute path in the image", .required = true),
    CCB_SETTING(Entry, content, "content", STRING, "its text"),
    CCB_SETTING(Entry, source, "source", FILE, "or a file of the host with its content"),
    CCB_SETTING(Entry, is_template, "template", BOOL,
                "true: ${variables} of the recipe are replaced in that file"),
    CCB_SETTING(
        Entry, mode, "mode", STRING,
        "octal; default: that of the file in the image; a new one: 0644, and of a source without "
        "rights that it denies"),
    CCB_SETTING(Entry, owner, "owner", STRING,
                "UID:GID as numbers; default: that of the file in the image; a new one: 0:0"),
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, files, "files", MAPS, "a list of files", .required = true,
                .fields = entry_fields, .size = sizeof(Entry)),
    {0},
};

static bool check_entry(const CcbRecipe *recipe, const Entry *e, const CcbNode *node,
                        GError **error)
{
    if (!ccb_step_check_path(node, "path", e->path, error) || !ccb_attributes_check(node, error))
        return false;
    if ((e->content != NULL) == (e->source != NULL))
        return ccb_node_fail(node, error,
                             e->source != NULL ? "%s has both \"content\" and \"source\""
                                               : "%s needs \"content\" or \"source\"",
                             e->path);
    if (e->source != NULL && !g_file_test(e->source, G_FILE_TEST_IS_REGULAR))
        return ccb_node_fail(ccb_node_get(node, "source"), error, "\"source\": there is no file %s",
                             e->source);
    if (!e->is_template)
        return true;
    if (e->source == NULL)
        return ccb_node_fail(
            ccb_node_get(node, "template"), error,
            "\"template\" is for \"source\": in \"content\" variables are replaced "
            "in any case");
    g_autofree char *text = ccb_recipe_expand_file(recipe, e->source, error);
    return text != NULL;
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    const CcbNode *list = ccb_node_get(step->origin->node, "files");
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < s->files->len; i++) {
        const Entry *e = s->files->pdata[i];
        const CcbNode *node = list->items->pdata[i];
        if (!check_entry(context->recipe, e, node, error))
            return false;
        if (!g_hash_table_add(paths, e->path))
            return ccb_node_fail(ccb_node_get(node, "path"), error, "%s is there twice", e->path);
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    GString *text = g_string_new("write");
    for (guint i = 0; i < s->files->len; i++)
        g_string_append_printf(text, "%s %s", i > 0 ? "," : "",
                               ((const Entry *)s->files->pdata[i])->path);
    return g_string_free(text, FALSE);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < s->files->len; i++) {
        const Entry *e = s->files->pdata[i];
        g_autofree char *expanded =
            e->is_template ? ccb_recipe_expand_file(context->recipe, e->source, error) : NULL;
        if (e->is_template && expanded == NULL)
            return false;
        const char *text = e->is_template ? expanded : e->content;
        CcbChange *change = text != NULL ? ccb_change_text(changes, e->path, text)
                                         : ccb_change_upload(changes, e->path, e->source);
        struct stat st;
        change->keep_mode = e->mode == NULL;
        change->keep_owner = e->owner == NULL;
        if (e->mode != NULL)
            ccb_mode_parse(e->mode, &change->attr.mode);
        else if (e->source != NULL && stat(e->source, &st) == 0)
            change->attr.mode = ccb_step_host_mode(false, st.st_mode);
        if (e->owner != NULL)
            ccb_owner_parse(e->owner, &change->attr.uid, &change->attr.gid);
    }
    return true;
}

const CcbStepKind ccb_step_files = {
    .name = "files",
    .summary = "write files",
    .version = 2,
    .fields = fields,
    .list = "files",
    .settings_size = sizeof(Settings),
    .check = check,
    .describe = describe,
    .changes = changes,
};
