/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-test that the image carries, and what it will expect of the instance. */
#include <string.h>

#include "check/context.h"

#define SCRIPT "/usr/libexec/ccbake/ccbake-selftest"
#define CONF   "/etc/ccbake/selftest.conf"

/* The value of a line NAME=VALUE; caller frees; NULL without one. */
static char *value_of(const char *text, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    size_t length = strlen(name);
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, name) && (*line)[length] == '=')
            return g_strdup(*line + length + 1);
    return NULL;
}

static bool run_present(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool present;
    if (ctx->gpus == 0)
        return ccb_result_skip(result, "no NVIDIA driver is asked for or found");
    if (!ccb_check_present(ctx, SCRIPT, &present, error))
        return false;
    if (!present)
        return ccb_result_fail(result, "there is no %s", SCRIPT);
    const CcbGuestText *conf = ccb_check_text(ctx, CONF, error);
    if (conf == NULL)
        return false;
    if (conf->text == NULL)
        return ccb_result_fail(result, "there is no %s", CONF);
    g_autofree char *expected = g_strdup_printf("%u", ctx->gpus);
    g_autofree char *gpus = value_of(conf->text, "gpus");
    if (g_strcmp0(gpus, expected) != 0)
        return ccb_result_fail(result, "%s: gpus=%s, expected %s", CONF, gpus ? gpus : "",
                               expected);
    return ccb_result_pass(result, "%s, for %s GPU%s", SCRIPT, gpus, ctx->gpus > 1 ? "s" : "");
}

const CcbCheck ccb_checks_selftest[] = {
    {"selftest.present", CCB_SEVERITY_WARNING,
     "What runs on an instance is judged by the test that its image carries.",
     "Put a selftest step at the end of the recipe.", run_present},
    {0},
};
