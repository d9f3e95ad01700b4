/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"

#include <sys/stat.h>

#include "change/arguments.h"
#include "systemd/unit.h"

/* The entry of a path, for the list of what is expected; NULL on error. */
static json_t *entry_of(const CcbChange *c, GError **error)
{
    static const char *const types[] = {[CCB_CHANGE_FILE] = "file",
                                        [CCB_CHANGE_DIRECTORY] = "directory",
                                        [CCB_CHANGE_LINK] = "link",
                                        [CCB_CHANGE_REMOVE] = "none"};
    json_auto_t *entry = json_pack("{ssss}", "path", c->path, "type", types[c->op]);
    if (c->op == CCB_CHANGE_LINK)
        json_object_set_new(entry, "target", json_string(c->value));
    bool has_attr = c->op == CCB_CHANGE_FILE || (c->op == CCB_CHANGE_DIRECTORY && !c->keep);
    if (has_attr && !c->keep_mode) {
        g_autofree char *mode = g_strdup_printf("%04o", c->attr.mode);
        json_object_set_new(entry, "mode", json_string(mode));
    }
    if ((has_attr && !c->keep_owner) || c->op == CCB_CHANGE_LINK) {
        g_autofree char *owner = g_strdup_printf("%u:%u", c->attr.uid, c->attr.gid);
        json_object_set_new(entry, "owner", json_string(owner));
    }
    if (c->op == CCB_CHANGE_FILE && !c->incomplete) {
        g_autofree char *digest = ccb_change_digest(c, error);
        if (digest == NULL)
            return NULL;
        json_object_set_new(entry, "sha256", json_string(digest));
    }
    return g_steal_pointer(&entry);
}

/* Mode and owner that the file keeps are those that an earlier step gave it. */
static void keep_attr(json_t *entry, const json_t *old, const CcbChange *c)
{
    bool is_file = g_strcmp0(json_string_value(json_object_get(old, "type")), "file") == 0;
    json_t *mode = json_object_get(old, "mode"), *owner = json_object_get(old, "owner");
    if (is_file && c->keep_mode && mode != NULL)
        json_object_set(entry, "mode", mode);
    if (is_file && c->keep_owner && owner != NULL)
        json_object_set(entry, "owner", owner);
}

/* The path without links that every el8 has: /lib is /usr/lib.  Caller frees. */
static char *without_links(const char *path)
{
    static const char *const merged[] = {"/bin/", "/sbin/", "/lib/", "/lib64/"};
    for (size_t i = 0; i < G_N_ELEMENTS(merged); i++)
        if (g_str_has_prefix(path, merged[i]))
            return g_strconcat("/usr", path, NULL);
    return g_strdup(path);
}

/* Below what is removed nothing is expected any more; what is put below it makes it exist again. */
static bool expect_path(CcbExpectation *expect, json_t *files, const CcbChange *c, GError **error)
{
    json_t *entry = entry_of(c, error), *old;
    const char *other;
    void *next;
    g_autofree char *path = without_links(c->path);
    g_autofree char *below = g_strconcat(path, "/", NULL);
    g_autofree char *name = g_path_get_basename(path);
    if (entry == NULL)
        return false;
    json_object_foreach_safe(files, next, other, old)
    {
        g_autofree char *below_old = g_strconcat(other, "/", NULL);
        bool is_gone = g_str_equal(json_string_value(json_object_get(old, "type")), "none");
        if ((c->op == CCB_CHANGE_REMOVE && g_str_has_prefix(other, below)) ||
            (c->op != CCB_CHANGE_REMOVE && is_gone && g_str_has_prefix(path, below_old)))
            json_object_del(files, other);
    }
    keep_attr(entry, json_object_get(files, path), c);
    if (c->op == CCB_CHANGE_REMOVE) /* perhaps its unit, or its link */
        ccb_expect_not(&expect->enabled, name);
    json_object_set_new(files, path, entry);
    return true;
}

/* Mode and owner of one entry; of one whose type is not known, no mode that depends on it. */
static void set_attr(json_t *entry, const CcbChange *c)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    bool is_directory = g_str_equal(type, "directory");
    if (c->attr.mode != CCB_KEEP_MODE && c->recursive && g_str_equal(type, "any")) {
        json_object_del(entry, "mode");
    } else if (c->attr.mode != CCB_KEEP_MODE) {
        mode_t mode = ccb_change_mode(c, is_directory ? S_IFDIR : S_IFREG);
        g_autofree char *text = g_strdup_printf("%04o", mode);
        json_object_set_new(entry, "mode", json_string(text));
    }
    if (c->attr.uid != CCB_KEEP_OWNER) {
        g_autofree char *text = g_strdup_printf("%u:%u", c->attr.uid, c->attr.gid);
        json_object_set_new(entry, "owner", json_string(text));
    }
}

static void expect_attr(json_t *files, const CcbChange *c)
{
    g_autofree char *path = without_links(c->path);
    g_autofree char *below = g_strconcat(path, "/", NULL);
    const char *other;
    json_t *entry;
    if (json_object_get(files, path) == NULL)
        json_object_set_new(files, path, json_pack("{ssss}", "path", c->path, "type", "any"));
    json_object_foreach(files, other, entry)
    {
        const char *type = json_string_value(json_object_get(entry, "type"));
        bool is_meant =
            g_str_equal(other, path) || (c->recursive && g_str_has_prefix(other, below));
        if (is_meant && !g_str_equal(type, "link") && !g_str_equal(type, "none"))
            set_attr(entry, c);
    }
}

/* What the change makes of a unit, and no longer what steps before it put in the place of its links
 * or made of it. */
static void expect_unit(CcbExpectation *expect, json_t *files, const CcbChange *c)
{
    char *word[] = {c->value, NULL};
    const char *path;
    json_t *entry;
    void *next;
    json_object_foreach_safe(files, next, path, entry)
    {
        g_autofree char *name = g_path_get_basename(path);
        g_autofree char *dir = g_path_get_dirname(path);
        bool is_link =
            g_str_has_prefix(dir, CCB_UNIT_DIR "/") && ccb_unit_wants_suffix(dir) != NULL;
        bool is_file = c->op == CCB_CHANGE_MASK && g_str_equal(dir, CCB_UNIT_DIR);
        if (g_str_equal(name, c->value) && (is_link || is_file))
            json_object_del(files, path);
    }
    ccb_expect_not(&expect->enabled, c->value);
    ccb_expect_not(&expect->disabled, c->value);
    if (c->op != CCB_CHANGE_DISABLE)
        ccb_expect_not(&expect->masked, c->value);
    ccb_expect_words(c->op == CCB_CHANGE_ENABLE    ? &expect->enabled
                     : c->op == CCB_CHANGE_DISABLE ? &expect->disabled
                                                   : &expect->masked,
                     word);
}

/* A file that is edited, or may have been, has another content than the one that was put there. */
static void forget_content(json_t *files, const char *path)
{
    json_t *entry = json_object_get(files, path);
    if (entry != NULL)
        json_object_del(entry, "sha256");
}

static void forget_edited(json_t *files, const CcbChange *c)
{
    const char *path;
    json_t *entry;
    if (c->op == CCB_CHANGE_EDIT)
        forget_content(files, c->path);
    if (c->op != CCB_CHANGE_ARGUMENTS)
        return;
    g_autoptr(GPtrArray) edits = ccb_arguments_edits(c, NULL);
    for (guint i = 0; i < edits->len; i++)
        forget_content(files, ((const CcbChange *)edits->pdata[i])->path);
    json_object_foreach(files, path, entry) if (g_str_has_prefix(path, "/boot/loader/entries/"))
        json_object_del(entry, "sha256");
}

/* Commands may do anything to what the steps before them left; most of it is expected to be there. */
static void forget_all(json_t *files)
{
    const char *path;
    json_t *entry;
    void *next;
    json_object_foreach_safe(files, next, path, entry)
    {
        if (g_str_equal(json_string_value(json_object_get(entry, "type")), "none"))
            json_object_del(files, path);
        else
            json_object_set_new(
                files, path,
                json_pack("{sOss}", "path", json_object_get(entry, "path"), "type", "any"));
    }
}

bool ccb_plan_expect_changes(CcbPlan *plan, GError **error)
{
    json_auto_t *files = json_object();
    const CcbStepContext context = {.recipe = plan->recipe, .expect = &plan->expect};
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        g_autoptr(GPtrArray) changes = ccb_changes_new();
        if (step->kind->may_change_files)
            forget_all(files);
        if (step->kind->changes != NULL && !step->kind->changes(&context, step, changes, error))
            return false;
        for (guint j = 0; j < changes->len; j++) {
            const CcbChange *c = changes->pdata[j];
            if (c->op <= CCB_CHANGE_REMOVE && !expect_path(&plan->expect, files, c, error))
                return false;
            if (c->op == CCB_CHANGE_ENABLE || c->op == CCB_CHANGE_DISABLE ||
                c->op == CCB_CHANGE_MASK)
                expect_unit(&plan->expect, files, c);
            if (c->op == CCB_CHANGE_ATTR)
                expect_attr(files, c);
            forget_edited(files, c);
        }
    }
    const char *path;
    json_t *entry;
    json_decref(plan->expect.files);
    plan->expect.files = json_array();
    json_object_foreach(files, path, entry) json_array_append(plan->expect.files, entry);
    return true;
}
