/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel is new enough, or becomes so: packages of the recipe replace one that is too old.  And
 * whoever looks for the image's kernel finds the one that boots: saved_entry names its entry, and
 * where there are several kernels the link /boot/vmlinuz leads to it.  (cryptpilot-convert takes the
 * link, or else what `sort -V` has last: 18.1.al8 of 18.al8 and 18.1.al8.)
 */
#include <string.h>

#include "image/rpm.h"
#include "step/common.h"
#include "step/kinds.h"
#include "text/grubenv.h"
#include "text/ini.h"

typedef struct {
    CcbStepSettings common;
    char **packages;
    bool exclude_updates;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, packages, "packages", PAYLOADS,
                "kernel packages to install where the base's kernel is below base.min-kernel"),
    CCB_SETTING(Settings, exclude_updates, "exclude-updates", BOOL,
                "dnf update in the image keeps the kernel; default: false"),
    {0},
};

#define DNF_CONF     "/etc/dnf/dnf.conf"
#define VMLINUZ_LINK "/boot/vmlinuz"

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    return g_strdup_printf("kernel at least %s%s%s", recipe->min_kernel,
                           step->payloads->len > 0 ? ", installed from packages if it is older"
                                                   : "",
                           s->exclude_updates ? ", which dnf update keeps" : "");
}

/* The packages that hold a kernel.  Not kernel-devel, which a later step may have to install. */
static char *exclude_kernel(const void *data, const char *text, GError **error)
{
    static const char *const packages[] = {"kernel", "kernel-core", "kernel-modules*"};
    g_autofree char *result = g_strdup(text);
    for (guint i = 0; i < G_N_ELEMENTS(packages) && result != NULL; i++) {
        char *longer =
            ccb_ini_add_word(result, strlen(result), "main", "exclude", packages[i], error);
        g_free(result);
        result = longer;
    }
    return g_steal_pointer(&result);
}

/* Sets saved_entry to the id that `data` is. */
static char *save_entry(const void *data, const char *text, GError **error)
{
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(text, strlen(text), error);
    return env != NULL && ccb_grubenv_set(env, "saved_entry", data, error) ? ccb_grubenv_render(env)
                                                                           : NULL;
}

/* Whoever looks for the kernel finds the one that boots.  A missing saved_entry is set, too. */
static void name_kernel(const CcbFacts *facts, GPtrArray *changes)
{
    if (g_strcmp0(facts->saved_entry, facts->default_entry) != 0)
        ccb_change_edit(changes, CCB_GRUBENV_PATH, save_entry, facts->default_entry)->required =
            true;
    if (g_strv_length(facts->kernels) > 1) { /* one alone needs no link */
        g_autofree char *target = g_strconcat("vmlinuz-", facts->default_kver, NULL);
        ccb_change_add(changes, CCB_CHANGE_LINK, VMLINUZ_LINK, target);
    }
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    const CcbFacts *facts = context->facts;
    const char *minimum = context->recipe->min_kernel;
    if (facts == NULL || facts->default_kver[0] == '\0') {
        ccb_change_unknown(changes, NULL, "whether the kernel is older than %s", minimum);
    } else if (ccb_kver_compare(facts->default_kver, minimum) >= 0) {
        name_kernel(facts, changes);
    } else {
        ccb_change_unknown(changes, CCB_GRUBENV_PATH, "the entry of the kernel that is installed");
        ccb_step_package_changes(context, step, changes, error);
        for (guint i = 0; i < changes->len; i++)
            ((CcbChange *)changes->pdata[i])->keep = true;
    }
    if (s->exclude_updates)
        ccb_change_edit(changes, DNF_CONF, exclude_kernel, NULL)->required = true;
    return true;
}

/* A kernel package may leave the default where it was: the newest entry becomes it. */
static bool boot_newest(CcbBake *bake, GError **error)
{
    const GPtrArray *entries = bake->facts->entries;
    const CcbBootEntry *newest = entries->pdata[entries->len - 1];
    g_autofree char *text = ccb_guest_read(bake->guest, CCB_GRUBENV_PATH, NULL, error);
    g_autofree char *changed = text != NULL ? save_entry(newest->id, text, error) : NULL;
    return changed != NULL &&
           (strcmp(text, changed) == 0 ||
            ccb_guest_replace(bake->guest, CCB_GRUBENV_PATH, changed, error)) &&
           ccb_bake_refresh(bake, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const char *minimum = bake->recipe->min_kernel;
    if (ccb_kver_compare(ccb_bake_kver(bake), minimum) >= 0)
        return true;
    if (!ccb_step_add_rpms(bake, step, error) || !ccb_bake_refresh(bake, error) ||
        !boot_newest(bake, error))
        return false;
    return ccb_kver_compare(ccb_bake_kver(bake), minimum) >= 0 ||
           ccb_fail(error, CCB_ERR_STEP,
                    "the kernel is %s after the packages were installed; %s is the minimum",
                    ccb_bake_kver(bake), minimum);
}

const CcbStepKind ccb_step_kernel = {
    .name = "kernel",
    .summary = "make sure of the minimum kernel, installing packages where it is too old",
    .version = 2,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .uses_min_kernel = true,
    .replaces_kernel = true,
    .image_percent = 400,
    .describe = describe,
    .changes = changes,
    .run = run,
};
