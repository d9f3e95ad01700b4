/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake recipe`: a recipe as ccbake understands it; the schema; the step kinds. */
#include <stdio.h>
#include <string.h>

#include "cli/load.h"
#include "cli/verbs.h"
#include "step/kinds.h"

static CcbLoadOptions load;
static bool show_schema, show_kinds;

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(load),
    {"schema", 0, CCB_OPT_FLAG, &show_schema, NULL,
     "print the JSON Schema of recipes, for editors"},
    {"kinds", 0, CCB_OPT_FLAG, &show_kinds, NULL, "list the step kinds and their settings"},
    {0},
};

static bool print_json(json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
    puts(text);
    free(text);
    json_decref(json);
    return true;
}

static bool print_kinds(void)
{
    for (const CcbStepKind *const *kind = ccb_step_kinds; *kind != NULL; kind++) {
        printf("%s - %s\n", (*kind)->name, (*kind)->summary);
        for (const CcbField *f = (*kind)->fields; f->name != NULL; f++) {
            g_autofree char *help = ccb_field_help(f);
            printf("    %-14s %s%s\n", f->name, help, f->required ? " (required)" : "");
        }
    }
    return true;
}

/* The cells of the matrix, as maps of variables. */
static json_t *cells_to_json(const CcbRecipe *recipe)
{
    json_t *list = json_array();
    for (guint i = 0; i < recipe->cells->len; i++) {
        json_t *cell = json_object();
        for (char **setting = recipe->cells->pdata[i]; *setting != NULL; setting++) {
            g_auto(GStrv) parts = g_strsplit(*setting, "=", 2);
            json_object_set_new(cell, parts[0], json_string(parts[1]));
        }
        json_array_append_new(list, cell);
    }
    return list;
}

static bool print_recipe(const char *path, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) cells = ccb_load_cells(path, &load, error); /* checks every image */
    if (cells == NULL || !ccb_load(path, &load, &loaded, error))
        return false;
    g_autofree char *digest = ccb_recipe_digest(loaded.recipe);
    return print_json(json_pack("{sssoso}", "digest", digest, "recipe",
                                ccb_node_to_json(loaded.recipe->root), "cells",
                                cells_to_json(loaded.recipe)));
}

static bool run(int argc, char **argv, GError **error)
{
    if (show_schema)
        return print_json(ccb_plan_schema(ccb_step_kinds));
    if (show_kinds)
        return print_kinds();
    if (argc == 0)
        return ccb_fail(error, CCB_ERR_USAGE, "recipe: name a recipe, or use --schema or --kinds");
    return print_recipe(argv[0], error);
}

const CcbVerb ccb_verb_recipe = {
    "recipe", "[RECIPE]", "check a recipe and print it resolved", options, 0, 1, run,
};
