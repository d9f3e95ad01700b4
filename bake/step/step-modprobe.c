/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file in /etc/modprobe.d, and from there in the initramfs: the initramfs step names all of them
 * to dracut, and a file in /etc/dracut.conf.d does so to whoever runs dracut later, as a kernel
 * update does.  Without hostonly, dracut itself takes nothing from /etc/modprobe.d.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char *file, *content;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, file, "file", STRING, "file name in /etc/modprobe.d; ends in .conf",
                .required = true),
    CCB_SETTING(Settings, content, "content", STRING, "its text", .required = true),
    {0},
};

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    if (!g_str_has_suffix(s->file, ".conf") || strchr(s->file, '/') != NULL)
        return ccb_node_fail(ccb_node_get(step->origin->node, "file"), error,
                             "\"file\": \"%s\" is not a file name that ends in .conf; "
                             "modprobe reads no other",
                             s->file);
    if (context->recipe->gpus == 1 && strstr(s->content, "RmEnableProtectedPcie") != NULL) {
        ccb_node_fail(ccb_node_get(step->origin->node, "content"), error,
                      "RmEnableProtectedPcie makes the GPU of a single-GPU instance unusable");
        return ccb_hint(error, "it belongs to recipes with \"gpus: 8\" only");
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    return g_strdup_printf("write /etc/modprobe.d/%s", s->file);
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *path = g_build_filename("/etc/modprobe.d", s->file, NULL);
    g_autofree char *dracut_path = g_strdup_printf("/etc/dracut.conf.d/ccbake-%s", s->file);
    g_autofree char *dracut_conf = g_strdup_printf("# Written by ccbake, for later initramfs "
                                                   "images.\ninstall_items+=\" %s \"\n",
                                                   path);
    ccb_change_text(changes, path, s->content);
    ccb_change_text(changes, dracut_path, dracut_conf);
    return true;
}

const CcbStepKind ccb_step_modprobe = {
    .name = "modprobe",
    .summary = "write a modprobe configuration file",
    .version = 2,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .feeds_initramfs = true,
    .check = check,
    .describe = describe,
    .changes = changes,
};
