/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packages that are payloads of the recipe. */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"payloads", CCB_FIELD_PAYLOADS, true, "package files to install", NULL, NULL},
    {0},
};

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, "payloads");
    g_autofree char *list = g_strjoinv(", ", names);
    return g_strdup_printf("install %s", list);
}

const CcbStepKind ccb_step_rpm = {
    .name = "rpm",
    .summary = "install RPM payloads",
    .version = 1,
    .fields = fields,
    .image_percent = 400,
    .describe = describe,
    .declare = ccb_step_declare_rpms,
    .run = ccb_step_install_rpms,
};
