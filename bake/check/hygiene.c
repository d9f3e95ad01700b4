/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bake must not leave behind. */
#include "base/error.h"
#include "check/context.h"

static const char *const scratch_directories[] = {"/", "/tmp", "/var/tmp", "/root", NULL};

typedef bool (*NameTest)(const char *name);

static bool is_ours(const char *name)
{
    return g_str_has_prefix(name, "ccbake") || g_str_has_prefix(name, ".ccbake");
}

static bool is_installer(const char *name)
{
    return g_str_has_suffix(name, ".run");
}

static bool look_for(CcbCheckContext *ctx, NameTest matches, CcbCheckResult *result, GError **error)
{
    for (const char *const *dir = scratch_directories; *dir != NULL; dir++) {
        char **names = ccb_check_list(ctx, *dir, error);
        if (names == NULL)
            return false;
        for (; *names != NULL; names++)
            if (matches(*names))
                ccb_result_fail(result, "%s/%s", (*dir)[1] == '\0' ? "" : *dir, *names);
    }
    return ccb_result_pass(result, "none in /, /tmp, /var/tmp, /root");
}

static bool run_leftovers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return look_for(ctx, is_ours, result, error);
}

static bool run_installers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return look_for(ctx, is_installer, result, error);
}

const CcbCheck ccb_checks_hygiene[] = {
    {"hygiene.leftovers", CCB_SEVERITY_ERROR,
     "Mount points and scratch files of the bake have no place in an image.",
     "This is a fault of ccbake: please report it, with the log of the bake.", run_leftovers},
    {"hygiene.installers", CCB_SEVERITY_WARNING,
     "An installer in the image costs space in each upload and each instance.",
     "Give it to the recipe as a payload, which never enters the image.", run_installers},
    {0},
};
