/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "step/common.h"

#include <string.h>

char *ccb_step_payload_path(const CcbPayload *payload)
{
    return g_build_filename(CCB_PAYLOAD_DIR, payload->name, NULL);
}

unsigned ccb_step_limit(const CcbStep *step)
{
    return ccb_node_get_number(step->settings, "limit", 3600);
}

bool ccb_step_command(CcbBake *bake, const CcbStep *step, GPtrArray *words, GError **error)
{
    g_ptr_array_add(words, NULL);
    CcbCommand command = {.argv = (const char *const *)words->pdata,
                          .limit_s = ccb_step_limit(step)};
    return ccb_guest_run(bake->guest, &command, error);
}

static bool run_rpm(CcbBake *bake, const CcbStep *step, const char *mode, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    const char *const rpm[] = {"rpm", mode, "--verbose", "--replacepkgs"};
    for (size_t i = 0; i < G_N_ELEMENTS(rpm); i++)
        g_ptr_array_add(words, g_strdup(rpm[i]));
    for (guint i = 0; i < step->payloads->len; i++)
        g_ptr_array_add(words, ccb_step_payload_path(step->payloads->pdata[i]));
    return words->len == G_N_ELEMENTS(rpm) || ccb_step_command(bake, step, words, error);
}

bool ccb_step_install_rpms(CcbBake *bake, const CcbStep *step, GError **error)
{
    return run_rpm(bake, step, "-U", error);
}

/* What the lock resolved is called by its name; a payload of the recipe by that of its file, which
 * the repositories call name-version-release.arch.rpm. */
static char *package_of(const CcbStep *step, const CcbPayload *payload)
{
    if (step->kind->resolve != NULL)
        return g_strdup(payload->label);
    size_t length = strlen(payload->name);
    bool suffix = g_str_has_suffix(payload->name, ".rpm");
    return g_strndup(payload->name, suffix ? length - strlen(".rpm") : length);
}

bool ccb_step_declare_rpms(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                           GPtrArray *effect, GError **error)
{
    for (guint i = 0; i < step->payloads->len; i++) {
        g_autofree char *package = package_of(step, step->payloads->pdata[i]);
        ccb_effect_add(effect, CCB_EFFECT_PACKAGE, NULL, package);
    }
    if (step->payloads->len > 0)
        ccb_effect_unknown(effect, NULL, "files and scripts of %u package%s", step->payloads->len,
                           step->payloads->len == 1 ? "" : "s");
    return true;
}

bool ccb_step_add_rpms(CcbBake *bake, const CcbStep *step, GError **error)
{
    return run_rpm(bake, step, "-i", error);
}

bool ccb_step_check_driver_version(const CcbRecipe *recipe, const CcbRecipeStep *step,
                                   const char *what, GError **error)
{
    const CcbNode *own = ccb_node_get(step->node, "version");
    const CcbRecipeStep *driver = ccb_recipe_step_of_kind(recipe, "nvidia-driver");
    const char *wanted = driver ? ccb_node_get_text(driver->node, "version") : NULL;
    if (wanted == NULL || own->type != CCB_NODE_SCALAR || strcmp(own->text, wanted) == 0)
        return true;
    ccb_node_fail(own, error, "%s %s does not go with driver %s: the versions must be equal", what,
                  own->text, wanted);
    return ccb_hint(error, "write \"version: ${driver}\" in both, with one variable");
}

/* Whether rpm knows a package of that version among the step's payloads' names. */
static bool verify_version(CcbBake *bake, const CcbStep *step, const char *package, GError **error)
{
    const char *wanted = ccb_node_get_text(step->settings, "version");
    const char *argv[] = {"rpm", "-q", "--qf", "%{VERSION}", package, NULL};
    g_autoptr(GString) found = g_string_new(NULL);
    CcbCommand command = {.argv = argv, .ret_stdout = found, .limit_s = 60};
    if (!ccb_guest_run(bake->guest, &command, error))
        return false;
    if (strcmp(found->str, wanted) == 0)
        return true;
    return ccb_fail(error, CCB_ERR_STEP, "%s is version %s; the recipe says %s", package,
                    found->str, wanted);
}

/* The package's name, asked of the package file itself. */
static char *package_name(CcbBake *bake, const CcbPayload *payload, GError **error)
{
    g_autofree char *path = ccb_step_payload_path(payload);
    const char *argv[] = {"rpm", "-qp", "--qf", "%{NAME}", path, NULL};
    g_autoptr(GString) name = g_string_new(NULL);
    CcbCommand command = {.argv = argv, .ret_stdout = name, .limit_s = 60};
    if (!ccb_guest_run(bake->guest, &command, error))
        return NULL;
    return g_string_free(g_steal_pointer(&name), FALSE);
}

bool ccb_step_install_versioned(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autofree char *name = package_name(bake, step->payloads->pdata[0], error);
    return name != NULL && ccb_step_install_rpms(bake, step, error) &&
           verify_version(bake, step, name, error);
}
