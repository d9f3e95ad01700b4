/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake recipe`: a recipe as ccbake understands it; the schema; the step kinds. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/load.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "step/kinds.h"

static struct {
    CcbLoadOptions load;
    bool schema, kinds;
} opts;

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(opts.load),
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

static bool run(int argc, char **argv, GError **error)
{
    if (opts.schema) {
        ccb_print_json(ccb_plan_schema(ccb_step_kinds));
        return true;
    }
    if (opts.kinds) {
        print_kinds();
        return true;
    }
    if (argc == 0)
        return ccb_fail(error, CCB_ERR_USAGE, "recipe: name a recipe, or use --schema or --kinds");
    g_auto(CcbLoaded) loaded = {0};
    g_autoptr(GPtrArray) entries = ccb_load_matrix(argv[0], &opts.load, error); /* checks each */
    if (entries == NULL || !ccb_load(argv[0], &opts.load, &loaded, error))
        return false;
    g_autofree char *digest = ccb_recipe_digest(loaded.recipe);
    ccb_print_json(json_pack("{sssoso}", "digest", digest, "recipe",
                             ccb_node_to_json(loaded.recipe->root), "cells",
                             matrix_to_json(loaded.recipe->cells)));
    return true;
}

const CcbVerb ccb_verb_recipe = {
    .name = "recipe",
    .arguments = "[RECIPE]",
    .summary = "check a recipe and print it resolved",
    .options = options,
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
