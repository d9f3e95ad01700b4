/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSCQ, the library that the attestation of NVSwitches asks. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"payload", CCB_FIELD_PAYLOAD, true, "the NSCQ package", NULL, NULL},
    {"version", CCB_FIELD_STRING, true, "its version: the driver's", NULL, NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    return ccb_step_check_driver_version(recipe, step, "NSCQ", error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("install NSCQ %s", ccb_node_get_text(step->settings, "version"));
}

const CcbStepKind ccb_step_nscq = {
    .name = "nscq",
    .summary = "install NSCQ, of the driver's version",
    .version = 1,
    .fields = fields,
    .image_percent = 400,
    .check = check,
    .describe = describe,
    .declare = ccb_step_declare_rpms,
    .run = ccb_step_install_versioned,
};
