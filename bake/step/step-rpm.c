/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packages that are payloads of the recipe. */
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char **payloads;
    char **keys; /* see ccb_step_add_keys() */
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, payloads, "payloads", PAYLOADS, "package files to install",
                .required = true),
    CCB_SETTING(Settings, keys, "keys", FILES,
                "public keys, one of which must have signed each package"),
    {0},
};

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *list = g_strjoinv(", ", s->payloads);
    return g_strdup_printf("install %s", list);
}

const CcbStepKind ccb_step_rpm = {
    .name = "rpm",
    .summary = "install RPM payloads",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .brings_anything = true,
    .image_percent = 400,
    .describe = describe,
    .changes = ccb_step_package_changes,
    .run = ccb_step_install_rpms,
};
