/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a manifest says of recipe and files: a recipe in a directory of its own, which may be of a git repository. */
#include "emit/inputs.h"

#include <glib/gstdio.h>

#include "base/file.h"
#include "layer/chain.h"
#include "step/kinds.h"

#include "tap.h"

/* Made up, and put together here, so that no scanner takes this file for a leak. */
#define TOKEN                                                                                      \
    "ghp_"                                                                                         \
    "Ab3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHi"
#define SHA256 "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" /* of "x" */

static void put(const char *path, const char *text)
{
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_mkdir_with_parents(directory, 0755) != 0 || !g_file_set_contents(path, text, -1, NULL))
        g_error("can't write %s", path);
}

static json_t *inputs(void)
{
    GError *error = NULL;
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("recipes/r.yaml", NULL, &error);
    g_autoptr(CcbPlan) plan = recipe ? ccb_plan_new(recipe, NULL, ccb_step_kinds, &error) : NULL;
    g_auto(GStrv) keys = plan ? ccb_chain_keys(plan, &error) : NULL;
    json_t *json = keys ? ccb_inputs_read(plan, (const char *const *)keys, &error) : NULL;
    if (json == NULL)
        g_error("%s", error->message);
    return json;
}

static const char *text_at(const json_t *json, const char *member)
{
    return json_string_value(json_object_get(json, member));
}

/* The file at a path of the image. */
static const json_t *file_at(const json_t *json, const char *path)
{
    size_t i;
    const json_t *file;
    json_array_foreach(json_object_get(json, "files"), i, file)
    {
        if (g_str_equal(text_at(file, "path"), path))
            return file;
    }
    ok(false, path);
    return NULL;
}

static void git(const char *line)
{
    g_autofree char *whole =
        g_strconcat("git -c user.name=n -c user.email=e -c init.defaultBranch=main ", line, NULL);
    if (!g_spawn_command_line_sync(whole, NULL, NULL, NULL, NULL))
        g_error("%s", whole);
}

static void test_files(void)
{
    json_auto_t *json = inputs();
    const json_t *file = file_at(json, "/opt/a/x");
    is_str(text_at(file, "step"), "overlay", "the step of a file");
    is_str(text_at(file, "source"), "../tree/a/x", "its source, from the recipe");
    is_str(text_at(file, "sha256"), SHA256, "its digest");
    is_str(text_at(file, "mode"), "0755", "its mode");
    is_str(text_at(file, "owner"), "1:2", "its owner");
    is_int(json_integer_value(json_object_get(file, "size")), 1, "its size");
    file = file_at(json, "/etc/modprobe.d/m.conf");
    is_str(text_at(file, "source"), NULL, "a file that the recipe holds has no source");
    is_int(json_integer_value(json_object_get(file, "size")), 13, "but a size");
    is_str(text_at(file_at(json, "/etc/systemd/system/a.service"), "source"), "a.service",
           "a unit");
    file = file_at(json, "/etc/ccbake/selftest.conf");
    is_str(text_at(file, "sha256"), NULL, "a content that depends on the image has no digest");
}

static void test_recipe(void)
{
    json_auto_t *json = inputs();
    const json_t *recipe = json_object_get(json, "recipe");
    g_autofree char *all = json_dumps(json, 0);
    is_str(text_at(recipe, "file"), "r.yaml", "the name of the recipe's file");
    is_str(text_at(json_object_get(recipe, "variables"), "token"), "[a GitHub token, not shown]",
           "a token among the variables");
    is_str(text_at(json_object_get(json_object_get(recipe, "content"), "base"), "url"),
           "https://a.example/b.qcow2?...", "a URL without what signs it");
    ok(strstr(all, TOKEN) == NULL && strstr(all, "k3jx92ncv8") == NULL, "no secret is in it");
    ok(strchr(text_at(json, "baked_by"), '@') != NULL, "who bakes");
}

static void test_git(void)
{
    json_auto_t *before = inputs();
    ok(json_object_get(json_object_get(before, "recipe"), "git") == NULL, "no repository");
    git("init -q");
    git("add recipes");
    git("commit -q -m m");
    json_auto_t *clean = inputs();
    const json_t *at = json_object_get(json_object_get(clean, "recipe"), "git");
    is_int((long long)strlen(text_at(at, "commit")), 40, "a commit");
    ok(json_is_false(json_object_get(at, "changed")), "as it was committed, with files beside");
    put("recipes/a.service", "[Service]\nExecStart=/bin/false\n");
    json_auto_t *dirty = inputs();
    at = json_object_get(json_object_get(dirty, "recipe"), "git");
    ok(json_is_true(json_object_get(at, "changed")), "changed since");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccbake-inputs-XXXXXX", NULL);
    g_setenv("XDG_CACHE_HOME", dir, TRUE);
    g_setenv("GIT_CEILING_DIRECTORIES", g_get_tmp_dir(), TRUE);
    if (dir == NULL || g_chdir(dir) != 0)
        g_error("no directory to work in");
    put("recipes/a.service", "[Service]\nExecStart=/bin/true\n");
    put("tree/a/x", "x");
    if (g_chmod("tree/a/x", 0755) != 0)
        g_error("can't change a mode");
    put("recipes/r.yaml",
        "format: 1\nname: r\ngpus: 1\nvariables: {token: " TOKEN "}\n"
        "base: {url: \"https://a.example/b.qcow2?Signature=k3jx92ncv8\", sha256: " SHA256 ",\n"
        "       os: alinux, version: 3, min-kernel: 5.10.134-18.al8}\n"
        "steps:\n"
        "  - overlay: {source: ../tree, target: /opt, owner: \"1:2\"}\n"
        "  - modprobe: {file: m.conf, content: \"options x y=1\"}\n"
        "  - units: {install: [a.service]}\n"
        "  - run: {commands: [[curl, \"-H\", \"token: ${token}\", host]]}\n"
        "  - selftest\n  - initramfs\n");
    test_files();
    test_recipe();
    g_autofree char *program = g_find_program_in_path("git");
    if (program != NULL)
        test_git();
    if (g_chdir("/") != 0 || !ccb_remove_tree(dir, NULL))
        ok(false, "cleaned up");
    return done();
}
