/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps nouveau away from the GPU: the NVIDIA installer's --disable-nouveau writes nothing on a
 * system that is not running.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {CCB_STEP_FIELDS, {0}};

#define MODPROBE_PATH "/etc/modprobe.d/ccbake-nouveau.conf"
static const char modprobe_conf[] =
    "# Written by ccbake: nouveau would take the GPU before nvidia.\n"
    "blacklist nouveau\n"
    "options nouveau modeset=0\n";
static const char dracut_path[] = "/etc/dracut.conf.d/ccbake-nouveau.conf";
static const char dracut_conf[] = "# Written by ccbake, for later initramfs images.\n"
                                  "omit_drivers+=\" nouveau \"\n"
                                  "install_items+=\" " MODPROBE_PATH " \"\n";

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup("keep nouveau out: modprobe blacklist, and no initramfs has it");
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    ccb_effect_file(effect, MODPROBE_PATH, modprobe_conf, strlen(modprobe_conf));
    ccb_effect_file(effect, dracut_path, dracut_conf, strlen(dracut_conf));
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    return ccb_guest_write(bake->guest, MODPROBE_PATH, modprobe_conf, strlen(modprobe_conf), 0644,
                           0, 0, error) &&
           ccb_guest_write(bake->guest, dracut_path, dracut_conf, strlen(dracut_conf), 0644, 0, 0,
                           error);
}

const CcbStepKind ccb_step_nouveau_blacklist = {
    .name = "nouveau-blacklist",
    .summary = "keep the nouveau driver from loading",
    .version = 2,
    .fields = fields,
    .feeds_initramfs = true,
    .describe = describe,
    .declare = declare,
    .run = run,
};
