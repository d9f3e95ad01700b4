/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"

#include "base/digest.h"

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
    if (c->op == CCB_CHANGE_FILE || (c->op == CCB_CHANGE_DIRECTORY && !c->keep)) {
        g_autofree char *mode = g_strdup_printf("%04o", c->attr.mode);
        g_autofree char *owner = g_strdup_printf("%u:%u", c->attr.uid, c->attr.gid);
        json_object_set_new(entry, "mode", json_string(mode));
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

/* Below what is removed nothing is expected any more; what is put below it makes it exist again. */
static bool expect_path(json_t *files, const CcbChange *c, GError **error)
{
    json_t *entry = entry_of(c, error), *old;
    const char *path;
    void *next;
    g_autofree char *below = g_strconcat(c->path, "/", NULL);
    if (entry == NULL)
        return false;
    json_object_foreach_safe(files, next, path, old)
    {
        g_autofree char *below_old = g_strconcat(path, "/", NULL);
        bool is_gone = g_str_equal(json_string_value(json_object_get(old, "type")), "none");
        if ((c->op == CCB_CHANGE_REMOVE && g_str_has_prefix(path, below)) ||
            (c->op != CCB_CHANGE_REMOVE && is_gone && g_str_has_prefix(c->path, below_old)))
            json_object_del(files, path);
    }
    json_object_set_new(files, c->path, entry);
    return true;
}

static void expect_unit(CcbExpectation *expect, const CcbChange *c)
{
    char *word[] = {c->value, NULL};
    ccb_expect_not(&expect->enabled, c->value);
    ccb_expect_not(&expect->disabled, c->value);
    if (c->op != CCB_CHANGE_DISABLE)
        ccb_expect_not(&expect->masked, c->value);
    ccb_expect_words(c->op == CCB_CHANGE_ENABLE    ? &expect->enabled
                     : c->op == CCB_CHANGE_DISABLE ? &expect->disabled
                                                   : &expect->masked,
                     word);
}

/* What a step's commands may have changed is only expected to be there. */
static void forget_content(json_t *files)
{
    const char *path;
    json_t *entry;
    json_object_foreach(files, path, entry)
    {
        json_object_del(entry, "sha256");
        json_object_del(entry, "mode");
        json_object_del(entry, "owner");
        json_object_del(entry, "target");
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
            forget_content(files);
        if (step->kind->changes != NULL && !step->kind->changes(&context, step, changes, error))
            return false;
        for (guint j = 0; j < changes->len; j++) {
            const CcbChange *c = changes->pdata[j];
            if (c->op <= CCB_CHANGE_REMOVE && !expect_path(files, c, error))
                return false;
            if (c->op == CCB_CHANGE_ENABLE || c->op == CCB_CHANGE_DISABLE ||
                c->op == CCB_CHANGE_MASK)
                expect_unit(&plan->expect, c);
        }
    }
    const char *path;
    json_t *entry;
    json_decref(plan->expect.files);
    plan->expect.files = json_array();
    json_object_foreach(files, path, entry) json_array_append(plan->expect.files, entry);
    return true;
}
