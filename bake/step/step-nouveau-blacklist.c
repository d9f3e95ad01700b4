/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps nouveau away from the GPU: the NVIDIA installer's --disable-nouveau writes nothing on a
 * system that is not running.
 */
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {CCB_STEP_FIELDS, {0}};

#define MODPROBE_PATH "/etc/modprobe.d/ccbake-nouveau.conf"

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup("keep nouveau out: modprobe blacklist, and no initramfs has it");
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    ccb_change_text(changes, MODPROBE_PATH,
                    "# Written by ccbake: nouveau would take the GPU before nvidia.\n"
                    "blacklist nouveau\n"
                    "options nouveau modeset=0\n");
    ccb_change_text(changes, "/etc/dracut.conf.d/ccbake-nouveau.conf",
                    "# Written by ccbake, for later initramfs images.\n"
                    "omit_drivers+=\" nouveau \"\n"
                    "install_items+=\" " MODPROBE_PATH " \"\n");
    return true;
}

const CcbStepKind ccb_step_nouveau_blacklist = {
    .name = "nouveau-blacklist",
    .summary = "keep the nouveau driver from loading",
    .version = 2,
    .fields = fields,
    .settings_size = sizeof(CcbStepSettings),
    .feeds_initramfs = true,
    .describe = describe,
    .changes = changes,
};
