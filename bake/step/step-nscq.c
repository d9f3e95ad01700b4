/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSCQ, the library that the attestation of NVSwitches asks. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] =
    CCB_VERSIONED_FIELDS("the NSCQ package", "its version: the driver's");

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    ccb_expect(&expect->nscq, ccb_step_version(step));
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    return ccb_step_check_driver_version(context, step, "NSCQ", error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("install NSCQ %s", ccb_step_version(step));
}

const CcbStepKind ccb_step_nscq = {
    .name = "nscq",
    .summary = "install NSCQ, of the driver's version",
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
