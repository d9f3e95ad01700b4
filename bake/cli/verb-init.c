/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake init IMAGE`: a first recipe for a base image, on standard output. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/open-image.h"
#include "cli/verbs.h"
#include "guest/facts.h"
#include "image/rpm.h"
#include "recipe/installed.h"
#include "recipe/recipe.h"
#include "recipe/yaml-text.h"

static struct {
    const char *name, *gpus, *backend;
} opts = {.name = "acme-gpu", .gpus = "1", .backend = "auto"};

static const CcbOption options[] = {
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8", "the number of GPUs the image is for (1)"},
    {"name", 0, CCB_OPT_STRING, &opts.name, "NAME",
     "the recipe's and the output's name (acme-gpu)"},
    CCB_READ_BACKEND_OPTIONS(opts.backend),
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* The recipe of the guide for that number of GPUs, if it is for the system in the image. */
static CcbRecipe *guide_recipe(const CcbFacts *facts, GError **error)
{
    g_autofree char *name = g_strdup_printf(CCB_INSTALLED "gn8v-tee-%sgpu", opts.gpus);
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load(name, NULL, error);
    if (recipe == NULL)
        return NULL;
    if (g_strcmp0(facts->os_id, recipe->base_os) == 0 &&
        g_strcmp0(facts->os_version, recipe->base_version) == 0)
        return g_steal_pointer(&recipe);
    ccb_fail(error, CCB_ERR_INPUT, "the image %s is %s %s (%s); %s is for %s %s", facts->path,
             facts->os_id ? facts->os_id : "?", facts->os_version ? facts->os_version : "?",
             facts->os_name ? facts->os_name : "no name", name, recipe->base_os,
             recipe->base_version);
    ccb_hint(error, "write a recipe without \"extends\"; ccbake-recipe(5) has an example");
    return NULL;
}

static void print_recipe(const CcbFacts *facts, const CcbRecipe *guide)
{
    const char *summary = ccb_node_get_text(guide->root, "summary");
    g_autofree char *name = ccb_yaml_scalar(opts.name), *path = ccb_yaml_scalar(facts->path);
    g_autofree char *system = ccb_name_printable(facts->os_name ? facts->os_name : "no name");
    g_autofree char *kver = ccb_name_printable(facts->default_kver);
    g_autofree char *version = g_strndup(facts->default_kver, strcspn(facts->default_kver, "\n"));
    char *arch = strrchr(version, '.');
    if (arch != NULL)
        *arch = '\0'; /* a package has it apart from its version */
    g_autofree char *kernel = ccb_yaml_scalar(version);
    printf("# A first recipe for an image with %s, kernel %s.\n"
           "# Save it as acme.yaml.  Then: ccbake lock acme.yaml; ccbake plan acme.yaml; "
           "ccbake bake acme.yaml\n"
           "format: 1\n"
           "name: %s\n"
           "extends: " CCB_INSTALLED "%s  # %s\n\n",
           system, kver, name, guide->name, summary != NULL ? summary : "");
    printf("variables:\n"
           "  kernel: %s  # of the image: the driver's modules are compiled for it\n"
           "  # driver: ...          another driver; ccbake lock computes its digest:\n"
           "  # driver_sha256: \"\"\n\n",
           kernel);
    printf("base:\n"
           "  path: %s  # relative to this file; or url: where the image can be downloaded\n"
           "  sha256: %s\n"
           "  # grow: 80G            a larger disk and root file system\n\n",
           path, facts->sha256);
    printf("# Steps of your own go between those of the extended recipe, which `ccbake recipe "
           "acme.yaml` "
           "shows:\n"
           "# steps:\n"
           "#   insert:\n"
           "#     - after: units\n"
           "#       steps:\n"
           "#         - overlay: {source: rootfs}  # a directory, copied over the image's root\n\n"
           "output:\n"
           "  name: %s\n",
           name);
}

static bool run(int argc, char **argv, GError **error)
{
    if (strchr(opts.name, '/') != NULL || opts.name[0] == '\0' || opts.name[0] == '.') {
        ccb_fail(error, CCB_ERR_USAGE, "--name=%s: not the name of a file", opts.name);
        return ccb_hint(
            error, "a name has no directory; `ccbake bake --output` says where the image goes");
    }
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    g_autoptr(CcbFacts) facts = ccb_facts_of_image(argv[0], backend, error);
    g_autoptr(CcbRecipe) guide = facts != NULL ? guide_recipe(facts, error) : NULL;
    if (guide == NULL)
        return false;
    print_recipe(facts, guide);
    if (ccb_kver_compare(facts->default_kver, guide->min_kernel) < 0)
        ccb_warn("the image's kernel %s is older than %s: add packages to the step \"kernel\"",
                 facts->default_kver, guide->min_kernel);
    return true;
}

const CcbVerb ccb_verb_init = {
    .name = "init",
    .arguments = "IMAGE",
    .summary = "print a first recipe for a base image",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
