/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake recipe`: a recipe in one piece, with the origin of each line; the schema; the step kinds; the installed recipes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "base/text.h"
#include "cli/load.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "plan/resolved.h"
#include "recipe/extends.h"
#include "recipe/installed.h"
#include "recipe/yaml-text.h"
#include "step/kinds.h"

static struct {
    CcbLoadOptions load;
    const char *format;
    bool schema, kinds, list;
} opts = {.format = "yaml"};

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(opts.load),
    CCB_FORMAT_OPTIONS(opts.format, "yaml|json",
                       "how the recipe is printed; json: variables replaced, and the entries of "
                       "the matrix (yaml)"),
    {"list", 0, CCB_OPT_FLAG, &opts.list, NULL, "list the recipes that came with ccbake"},
    {"schema", 0, CCB_OPT_FLAG, &opts.schema, NULL,
     "print the JSON Schema of recipes, for editors"},
    {"kinds", 0, CCB_OPT_FLAG, &opts.kinds, NULL, "list the step kinds and their settings"},
    {0},
};

/* The entries of the matrix, as maps of variables. */
static json_t *matrix_to_json(const GPtrArray *entries)
{
    json_t *list = json_array();
    for (guint i = 0; i < entries->len; i++) {
        json_t *entry = json_object();
        for (char **setting = entries->pdata[i]; *setting != NULL; setting++) {
            g_auto(GStrv) parts = g_strsplit(*setting, "=", 2);
            json_object_set_new(entry, parts[0], json_string(parts[1]));
        }
        json_array_append_new(list, entry);
    }
    return list;
}

static void print_kinds(void)
{
    enum { TEXT_COLUMN = 22 };
    unsigned columns = ccb_terminal_columns(STDOUT_FILENO);
    g_autoptr(GString) out = g_string_new(NULL);
    for (const CcbStepKind *const *kind = ccb_step_kinds; *kind != NULL; kind++) {
        g_string_append_printf(out, "%s - %s\n", (*kind)->name, (*kind)->summary);
        for (const CcbField *f = (*kind)->fields; f->name != NULL; f++) {
            g_autofree char *help = ccb_field_help(f);
            g_autofree char *text = g_strconcat(help, f->required ? " (required)" : "", NULL);
            g_string_append_printf(out, "    %s", f->name);
            ccb_append_wrapped(out, text, TEXT_COLUMN, columns);
        }
    }
    fputs(out->str, stdout);
}

static bool list_installed(GError **error)
{
    g_auto(GStrv) names = ccb_installed_recipes();
    for (char **name = names; *name != NULL; name++) {
        g_autofree char *recipe = g_strconcat(CCB_INSTALLED, *name, NULL);
        g_autoptr(CcbNode) root = ccb_extends_load(recipe, error);
        if (root == NULL)
            return false;
        const char *summary = ccb_node_get_text(root, "summary");
        printf("%-22s %s\n", recipe, summary ? summary : "");
    }
    return true;
}

static void print_recipe(const CcbPlan *plan)
{
    const char *file = plan->recipe->root->file;
    g_autofree char *digest = ccb_plan_recipe_digest(plan);
    if (strcmp(opts.format, "json") == 0) {
        g_autoptr(CcbNode) root = ccb_plan_resolved(plan);
        ccb_print_json(json_pack("{sssoso}", "digest", digest, "recipe",
                                 ccb_node_to_typed_json(root), "cells",
                                 matrix_to_json(plan->recipe->cells)));
        return;
    }
    g_autoptr(CcbNode) root = ccb_plan_flat(plan);
    g_autofree char *text = ccb_yaml_text(root, file), *name = ccb_name_printable(file);
    printf("# %s in one piece, digest %s.\n"
           "# Behind a line: where its value comes from, if from elsewhere.\n%s",
           name, digest, text);
}

static bool run(int argc, char **argv, GError **error)
{
    if (opts.schema)
        ccb_print_json(ccb_plan_schema(ccb_step_kinds));
    if (opts.kinds)
        print_kinds();
    if (opts.list && !list_installed(error))
        return false;
    if (opts.schema || opts.kinds || opts.list)
        return true;
    if (argc == 0)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "recipe: name a recipe, or use --list, --schema or --kinds");
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) entries = ccb_load_matrix(argv[0], &opts.load, error); /* checks each */
    if (entries == NULL || !ccb_load(argv[0], &opts.load, &loaded, error))
        return false;
    print_recipe(loaded.plan);
    return true;
}

const CcbVerb ccb_verb_recipe = {
    .name = "recipe",
    .arguments = "[RECIPE]",
    .summary = "check a recipe and print it in one piece",
    .options = options,
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
