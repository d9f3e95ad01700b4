/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/inputs.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/leak.h"
#include "base/process.h"
#include "fetch/url.h"
#include "plan/resolved.h"

/* --- files */

/* One that is made for the image has no source; one whose content depends on the image has no digest. */
static json_t *file_to_json(const CcbStep *step, const CcbChange *c, const char *directory,
                            GError **error)
{
    struct stat st;
    g_autofree char *mode = c->keep_mode ? g_strdup("kept") : g_strdup_printf("%04o", c->attr.mode);
    g_autofree char *owner =
        c->keep_owner ? g_strdup("kept") : g_strdup_printf("%u:%u", c->attr.uid, c->attr.gid);
    json_auto_t *json =
        json_pack("{ssssssss}", "path", c->path, "step", step->id, "mode", mode, "owner", owner);
    if (c->host_path != NULL) {
        g_autofree char *from = g_canonicalize_filename(directory, NULL);
        g_autofree char *to = g_canonicalize_filename(c->host_path, NULL);
        g_autofree char *source = ccb_relative_path(from, to);
        json_object_set_new(json, "source", json_string(source));
    }
    if (c->incomplete)
        return g_steal_pointer(&json);
    g_autofree char *digest = ccb_change_digest(c, error);
    if (digest == NULL)
        return NULL;
    json_object_set_new(json, "sha256", json_string(digest));
    if (c->host_path == NULL)
        json_object_set_new(json, "size", json_integer((json_int_t)g_bytes_get_size(c->content)));
    else if (stat(c->host_path, &st) == 0)
        json_object_set_new(json, "size", json_integer((json_int_t)st.st_size));
    return g_steal_pointer(&json);
}

/* What each step puts into the image, in their order. */
static json_t *files_to_json(const CcbPlan *plan, const char *const *keys, const char *directory,
                             GError **error)
{
    json_auto_t *list = json_array();
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        const CcbStepContext context = {
            .recipe = plan->recipe, .expect = &plan->expect, .key = keys[i]};
        g_autoptr(GPtrArray) changes = ccb_changes_new();
        if (step->kind->changes != NULL && !step->kind->changes(&context, step, changes, error))
            return NULL;
        for (guint j = 0; j < changes->len; j++) {
            const CcbChange *c = changes->pdata[j];
            if (c->op != CCB_CHANGE_FILE)
                continue;
            json_t *file = file_to_json(step, c, directory, error);
            if (file == NULL)
                return NULL;
            json_array_append_new(list, file);
        }
    }
    return g_steal_pointer(&list);
}

/* --- recipe */

/* What git prints, without the last line end; NULL where it fails, or there is none.  Caller frees. */
static char *ask_git(const char *const *argv)
{
    enum { LIMIT_S = 20 };
    g_autoptr(GString) output = g_string_new(NULL);
    CcbProcess git = {
        .argv = argv, .limit_s = LIMIT_S, .separate_stdout = true, .ret_stdout = output};
    return ccb_process_run(&git, NULL) ? g_strdup(g_strchomp(output->str)) : NULL;
}

/* The commit that is checked out where the recipe is, and whether tracked files of it were changed.  The second question
 * may make git run programs that the repository names: git refuses it in a repository of somebody else, and then there
 * is no answer. */
static json_t *revision_to_json(const char *directory)
{
    const char *revision[] = {"git",       "-C",       directory, "-c", "safe.directory=*",
                              "rev-parse", "--verify", "HEAD",    NULL};
    const char *status[] = {"git",         "--no-optional-locks",  "-C", directory, "status",
                            "--porcelain", "--untracked-files=no", NULL};
    g_autofree char *commit = ask_git(revision);
    if (commit == NULL)
        return NULL;
    g_autofree char *changed = ask_git(status);
    return json_pack("{ssso}", "commit", commit, "changed",
                     changed != NULL ? json_boolean(changed[0] != '\0') : json_null());
}

/* URLs as they may be shown. */
static void redact_urls(json_t *json)
{
    size_t i;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) redact_urls(value);
    json_array_foreach(json, i, value) redact_urls(value);
    if (json_is_string(json) && ccb_url_is_remote(json_string_value(json))) {
        g_autofree char *shown = ccb_url_redact(json_string_value(json));
        json_string_set(json, shown);
    }
}

static json_t *recipe_to_json(const CcbPlan *plan, const char *directory)
{
    const CcbRecipe *recipe = plan->recipe;
    const CcbNode *variables = ccb_recipe_variables(recipe);
    g_autoptr(CcbNode) content = ccb_plan_resolved(plan);
    g_autofree char *digest = ccb_plan_recipe_digest(plan);
    g_autofree char *file = g_path_get_basename(recipe->root->file);
    json_t *revision = revision_to_json(directory);
    json_t *json = json_pack("{sssssssosiso}", "name", recipe->name, "file", file, "digest", digest,
                             "variables", variables ? ccb_node_to_json(variables) : json_object(),
                             "gpus", (int)recipe->gpus, "content", ccb_node_to_typed_json(content));
    if (revision != NULL)
        json_object_set_new(json, "git", revision);
    redact_urls(json);
    ccb_leaks_mask_json(json);
    return json;
}

/* "user@host"; who called sudo is the one who bakes. */
static char *name_user(void)
{
    const char *caller = g_getenv("SUDO_USER");
    g_autofree char *name =
        g_strconcat(caller != NULL ? caller : g_get_user_name(), "@", g_get_host_name(), NULL);
    return g_utf8_make_valid(name, -1);
}

json_t *ccb_inputs_read(const CcbPlan *plan, const char *const *keys, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(plan->recipe->root->file);
    g_autofree char *user = name_user();
    json_t *files = files_to_json(plan, keys, directory, error);
    if (files == NULL)
        return NULL;
    return json_pack("{sososs}", "files", files, "recipe", recipe_to_json(plan, directory),
                     "baked_by", user);
}
