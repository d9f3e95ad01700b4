/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fabric Manager, for instances with NVSwitch; the units step enables it. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] =
    CCB_VERSIONED_FIELDS("the Fabric Manager package", "its version: the driver's");

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    ccb_expect(&expect->fabric_manager, ccb_step_version(step));
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    if (context->recipe->gpus == 1)
        return ccb_node_fail(
            step->origin->position, error,
            "a single-GPU instance has no NVSwitch: Fabric Manager would fail there");
    return ccb_step_check_driver_version(context, step, "Fabric Manager", error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("install Fabric Manager %s", ccb_step_version(step));
}

const CcbStepKind ccb_step_fabric_manager = {
    .name = "fabric-manager",
    .summary = "install Fabric Manager, of the driver's version",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(CcbVersionedSettings),
    .image_percent = 400,
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = ccb_step_package_changes,
    .run = ccb_step_install_versioned,
};
