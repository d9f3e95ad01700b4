/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file in /etc/modprobe.d, and from there in the initramfs: the initramfs step names all of them
 * to dracut, and a file in /etc/dracut.conf.d does so to whoever runs dracut later, as a kernel
 * update does.  Without hostonly, dracut itself takes nothing from /etc/modprobe.d.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"file", CCB_FIELD_STRING, true, "file name in /etc/modprobe.d; ends in .conf", NULL, NULL},
    {"content", CCB_FIELD_STRING, true, "its text", NULL, NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    const CcbNode *file = ccb_node_get(step->node, "file");
    const CcbNode *content = ccb_node_get(step->node, "content");
    if (!g_str_has_suffix(file->text, ".conf") || strchr(file->text, '/') != NULL)
        return ccb_node_fail(file, error,
                             "\"file\": \"%s\" is not a file name that ends in .conf; "
                             "modprobe reads no other",
                             file->text);
    if (recipe->gpus == 1 && strstr(content->text, "RmEnableProtectedPcie") != NULL) {
        ccb_node_fail(content, error,
                      "RmEnableProtectedPcie makes the GPU of a single-GPU instance unusable");
        return ccb_hint(error, "it belongs to recipes with \"gpus: 8\" only");
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("write /etc/modprobe.d/%s", ccb_node_get_text(step->settings, "file"));
}

static char *target_path(const CcbStep *step)
{
    return g_build_filename("/etc/modprobe.d", ccb_node_get_text(step->settings, "file"), NULL);
}

static char *dracut_path(const CcbStep *step)
{
    return g_strdup_printf("/etc/dracut.conf.d/ccbake-%s",
                           ccb_node_get_text(step->settings, "file"));
}

static char *dracut_text(const CcbStep *step)
{
    g_autofree char *path = target_path(step);
    return g_strdup_printf("# Written by ccbake, for later initramfs images.\n"
                           "install_items+=\" %s \"\n",
                           path);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    const char *content = ccb_node_get_text(step->settings, "content");
    g_autofree char *path = target_path(step);
    g_autofree char *later = dracut_path(step), *text = dracut_text(step);
    ccb_effect_file(effect, path, content, strlen(content));
    ccb_effect_file(effect, later, text, strlen(text));
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const char *content = ccb_node_get_text(step->settings, "content");
    g_autofree char *path = target_path(step);
    g_autofree char *later = dracut_path(step), *text = dracut_text(step);
    return ccb_guest_write(bake->guest, path, content, strlen(content), 0644, 0, 0, error) &&
           ccb_guest_write(bake->guest, later, text, strlen(text), 0644, 0, 0, error);
}

const CcbStepKind ccb_step_modprobe = {
    .name = "modprobe",
    .summary = "write a modprobe configuration file",
    .version = 2,
    .fields = fields,
    .feeds_initramfs = true,
    .check = check,
    .describe = describe,
    .declare = declare,
    .run = run,
};
