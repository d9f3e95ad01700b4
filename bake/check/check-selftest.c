/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-test that the image carries, and what it will expect of the instance. */
#include <string.h>

#include "check/guest-module.h"

#define SCRIPT "/usr/libexec/ccbake/ccbake-selftest"
#define CONF   "/etc/ccbake/selftest.conf"

static bool run_present(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    if (!ccb_check_exists(ctx, SCRIPT, error))
        return ccb_result_fail(result, "there is no %s", SCRIPT);
    if (ccb_check_text(ctx, CONF, error)->text == NULL)
        return ccb_result_fail(result, "there is no %s", CONF);
    g_autofree char *expected = g_strdup_printf("%u", ctx->gpus);
    const char *gpus = "";
    g_auto(GStrv) lines = ccb_check_lines(ctx, CONF, error);
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, "gpus="))
            gpus = *line + strlen("gpus=");
    if (!g_str_equal(gpus, expected))
        return ccb_result_fail(result, "%s: gpus=%s, expected %s", CONF, gpus, expected);
    return ccb_result_pass(result, "%s, for %s", SCRIPT, ccb_check_gpus(ctx));
}

const CcbCheck ccb_checks_selftest[] = {
    {"selftest.present", CCB_SEVERITY_WARNING,
     "An instance is tested by the test that its image carries.",
     "Put a selftest step at the end of the recipe.", run_present},
    {0},
};
