/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recipes that extend others: where values of variables come from. */
#include <glib/gstdio.h>

#include "base/file.h"
#include "recipe/recipe.h"

#include "tap.h"

static void put(const char *name, const char *text)
{
    if (!g_file_set_contents(name, text, -1, NULL))
        g_error("can't write %s", name);
}

/* Loads r.yaml and says the error, or "" if there is none; caller frees. */
static char *refusal(const char *text, const char *setting, const char *entry)
{
    const char *const settings[] = {setting, NULL}, *const entries[] = {entry, NULL};
    const CcbRecipeOptions options = {.settings = setting ? settings : NULL,
                                      .entry = entry ? entries : NULL};
    GError *error = NULL;
    put("r.yaml", text);
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("r.yaml", &options, &error);
    char *message = g_strdup(error ? error->message : "");
    g_clear_error(&error);
    return message;
}

static void test_places(void)
{
    put("vendor.yaml", "format: 1\n"
                       "name: v\n"
                       "gpus: \"${gpus}\"\n"
                       "variables: {gpus: 1, n: \"${gpus}\", file: x, deep: \"${nope}\"}\n"
                       "base: {path: b, os: o, version: 3, min-kernel: 5}\n"
                       "output: {compress: \"${n}\", name: \"a/${file}\"}\n"
                       "steps: []\n");
    is_taken(refusal("extends: vendor.yaml\nvariables: {gpus: 3, deep: x}\n", NULL, NULL),
             "r.yaml:2:19: \"gpus\": \"3\" is not one of 1|8 (used at ./vendor.yaml:3:8)",
             "a value of the recipe, used in the other one");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\n", "gpus=5", NULL),
             "--set gpus: \"gpus\": \"5\" is not one of 1|8 (used at ./vendor.yaml:3:8)",
             "a value of --set");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\nmatrix: {gpus: [1, 9]}\n", NULL,
                     "gpus=9"),
             "r.yaml:3:20: \"gpus\": \"9\" is not one of 1|8 (used at ./vendor.yaml:3:8)",
             "a value of the matrix");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\n", NULL, NULL),
             "./vendor.yaml:4:19: \"compress\": expected true or false, found \"1\" (used at "
             "./vendor.yaml:6:21)",
             "a variable that is another one is set where that one is");
    is_taken(
        refusal("extends: vendor.yaml\nvariables: {deep: x, file: y, n: \"true\"}\n", NULL, NULL),
        "./vendor.yaml:6:35: the output's name \"a/y\" must not hold a slash (with ${file} of "
        "r.yaml:2)",
        "a part of a value");
    is_taken(refusal("extends: vendor.yaml\nvariables: {n: \"true\"}\n", NULL, NULL),
             "./vendor.yaml:4:52: undefined variable \"nope\"\nhint: give it a default under "
             "`variables`",
             "an undefined variable");
    put("vendor.yaml", "format: 1\nname: v\ngpus: 1\nvariables: {v: 1, w: 2}\n"
                       "base: {path: b, os: o, version: 3, min-kernel: 5, size: \"x${v}${w}\"}\n"
                       "steps: []\n");
    is_taken(refusal("extends: vendor.yaml\nvariables: {v: 3}\n", NULL, NULL),
             "./vendor.yaml:5:58: \"size\": expected a whole number, found \"x32\" (with ${v} of "
             "r.yaml:2)",
             "a part of a value: the variables that are set elsewhere");
    is_taken(refusal("extends: vendor.yaml\nvariables: {v: 3}\n", "w=4", NULL),
             "./vendor.yaml:5:58: \"size\": expected a whole number, found \"x34\" (with ${v} of "
             "r.yaml:2, ${w} of --set)",
             "... several, and --set");
}

int main(void)
{
    g_autofree char *directory = g_dir_make_tmp("ccbake-extends-XXXXXX", NULL);
    if (directory == NULL || g_chdir(directory) != 0)
        g_error("no directory to work in");
    test_places();
    if (!ccb_remove_tree(directory, NULL))
        g_error("can't remove %s", directory);
    return done();
}
