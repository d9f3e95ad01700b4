/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel is new enough, or becomes so: packages of the recipe replace one that is too old.  And
 * whoever looks for the image's kernel finds the one that boots: saved_entry names its entry, and
 * where there are several kernels the link /boot/vmlinuz leads to it.  (cryptpilot-convert takes the
 * link, or else what `sort -V` has last: 18.1.al8 of 18.al8 and 18.1.al8.)
 */
#include <string.h>

#include "base/progress.h"
#include "image/rpm.h"
#include "step/common.h"
#include "step/kinds.h"
#include "text/grubenv.h"
#include "text/ini.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"packages", CCB_FIELD_PAYLOADS, false,
     "kernel packages to install where the base's kernel is "
     "below base.min-kernel",
     NULL, NULL},
    {"exclude-updates", CCB_FIELD_BOOL, false,
     "dnf update in the image keeps the kernel; default: false", NULL, NULL},
    {0},
};

#define DNF_CONF     "/etc/dnf/dnf.conf"
#define VMLINUZ_LINK "/boot/vmlinuz"

static bool excludes_updates(const CcbStep *step)
{
    return ccb_node_get_bool(step->settings, "exclude-updates", false);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("kernel at least %s%s%s", recipe->min_kernel,
                           step->payloads->len > 0 ? ", installed from packages if it is older"
                                                   : "",
                           excludes_updates(step) ? ", which dnf update keeps" : "");
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

/* Where the link leads; NULL where there is one kernel, which needs none.  Caller frees. */
static char *link_target(const CcbFacts *facts)
{
    return g_strv_length(facts->kernels) > 1 ? g_strconcat("vmlinuz-", facts->default_kver, NULL)
                                             : NULL;
}

static void declare_names(const CcbFacts *facts, GPtrArray *effect)
{
    g_autofree char *target = link_target(facts);
    if (g_strcmp0(facts->saved_entry, facts->default_entry) != 0)
        ccb_effect_edit(effect, CCB_GRUBENV_PATH, save_entry, facts->default_entry);
    if (target != NULL)
        ccb_effect_add(effect, CCB_EFFECT_LINK, VMLINUZ_LINK, target);
}

static bool declare_kernel(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                           GPtrArray *effect, GError **error)
{
    if (facts == NULL || facts->default_kver[0] == '\0') {
        ccb_effect_unknown(effect, NULL, "whether the kernel is older than %s", recipe->min_kernel);
        return true;
    }
    if (ccb_kver_compare(facts->default_kver, recipe->min_kernel) >= 0) {
        declare_names(facts, effect);
        return true;
    }
    ccb_effect_unknown(effect, CCB_GRUBENV_PATH, "the entry of the kernel that is installed");
    ccb_step_declare_rpms(recipe, step, facts, effect, error);
    for (guint i = 0; i < effect->len; i++)
        ((CcbEffectItem *)effect->pdata[i])->keep = true;
    return true;
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    if (!declare_kernel(recipe, step, facts, effect, error))
        return false;
    if (excludes_updates(step))
        ccb_effect_edit(effect, DNF_CONF, exclude_kernel, NULL);
    return true;
}

static bool boot_by_default(CcbBake *bake, const char *id, GError **error)
{
    g_autofree char *text = ccb_guest_read(bake->guest, CCB_GRUBENV_PATH, NULL, error);
    g_autofree char *changed = text != NULL ? save_entry(id, text, error) : NULL;
    if (changed == NULL)
        return false;
    return strcmp(text, changed) == 0 ||
           ccb_guest_replace(bake->guest, CCB_GRUBENV_PATH, changed, error);
}

/* A kernel package may leave the default where it was: the newest entry becomes it. */
static bool boot_newest(CcbBake *bake, GError **error)
{
    const GPtrArray *entries = bake->facts->entries;
    const CcbBootEntry *newest = entries->pdata[entries->len - 1];
    return boot_by_default(bake, newest->id, error) && ccb_bake_refresh(bake, error);
}

static bool name_kernel(CcbBake *bake, GError **error)
{
    g_autofree char *target = link_target(bake->facts);
    return boot_by_default(bake, bake->facts->default_entry, error) &&
           (target == NULL || ccb_guest_symlink(bake->guest, target, VMLINUZ_LINK, error));
}

static bool ensure_minimum(CcbBake *bake, const CcbStep *step, GError **error)
{
    const char *minimum = bake->recipe->min_kernel;
    if (ccb_kver_compare(ccb_bake_kver(bake), minimum) >= 0)
        return true;
    if (!ccb_step_add_rpms(bake, step, error) || !ccb_bake_refresh(bake, error) ||
        !boot_newest(bake, error))
        return false;
    if (ccb_kver_compare(ccb_bake_kver(bake), minimum) >= 0)
        return true;
    return ccb_fail(error, CCB_ERR_STEP,
                    "the kernel is %s after the packages were installed; %s is "
                    "the minimum",
                    ccb_bake_kver(bake), minimum);
}

static bool edit_dnf_conf(CcbBake *bake, GError **error)
{
    g_autofree char *text = ccb_guest_read(bake->guest, DNF_CONF, NULL, error);
    g_autofree char *changed = text != NULL ? exclude_kernel(NULL, text, error) : NULL;
    return changed != NULL && ccb_guest_replace(bake->guest, DNF_CONF, changed, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    return ensure_minimum(bake, step, error) && name_kernel(bake, error) &&
           (!excludes_updates(step) || edit_dnf_conf(bake, error));
}

const CcbStepKind ccb_step_kernel = {
    .name = "kernel",
    .summary = "make sure of the minimum kernel, installing packages where it is too old",
    .version = 2,
    .fields = fields,
    .uses_min_kernel = true,
    .replaces_kernel = true,
    .image_percent = 400,
    .describe = describe,
    .declare = declare,
    .run = run,
};
