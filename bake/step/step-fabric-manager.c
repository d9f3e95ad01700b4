/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fabric Manager, for instances with NVSwitch; the units step enables it. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"payload", CCB_FIELD_PAYLOAD, true, "the Fabric Manager package", NULL, NULL},
    {"version", CCB_FIELD_STRING, true, "its version: the driver's", NULL, NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    if (recipe->gpus == 1)
        return ccb_node_fail(
            step->position, error,
            "a single-GPU instance has no NVSwitch: Fabric Manager would fail there");
    return ccb_step_check_driver_version(recipe, step, "Fabric Manager", error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("install Fabric Manager %s",
                           ccb_node_get_text(step->settings, "version"));
}

const CcbStepKind ccb_step_fabric_manager = {
    .name = "fabric-manager",
    .summary = "install Fabric Manager, of the driver's version",
    .version = 1,
    .fields = fields,
    .image_percent = 400,
    .check = check,
    .describe = describe,
    .declare = ccb_step_declare_rpms,
    .run = ccb_step_install_versioned,
};
