/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel arguments, in every place from which one can reach a boot, as `grubby --update-kernel=ALL`
 * does and more: boot entries with literal options, kernelopts in grubenv and its fallback in
 * grub.cfg, GRUB_CMDLINE_LINUX for the next grub2-mkconfig, /etc/kernel/cmdline for the next
 * kernel.  grub2-mkconfig itself is never run: it can clobber boot entries.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"
#include "text/bls.h"
#include "text/cmdline.h"
#include "text/grubcfg.h"
#include "text/grubenv.h"
#include "text/shellvars.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"set", CCB_FIELD_STRINGS, false, "arguments to add; one with another value is replaced", NULL,
     NULL},
    {"remove", CCB_FIELD_STRINGS, false, "arguments to take away", NULL, NULL},
    {0},
};

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    static const char *const keys[] = {"set", "remove"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_auto(GStrv) words = ccb_node_get_strings(step->node, keys[i]);
        for (char **word = words; *word != NULL; word++)
            if (strpbrk(*word, " \t\n") != NULL)
                return ccb_node_fail(ccb_node_get(step->node, keys[i]), error,
                                     "\"%s\" is more than one argument", *word);
    }
    return true;
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_auto(GStrv) set = ccb_node_get_strings(step->settings, "set");
    g_auto(GStrv) gone = ccb_node_get_strings(step->settings, "remove");
    g_autofree char *added = g_strjoinv(" ", set);
    g_autofree char *removed = g_strjoinv(" ", gone);
    return g_strdup_printf("%s%s%s%s%s, in every boot entry and for later kernels",
                           added[0] ? "set " : "", added, added[0] && removed[0] ? ", " : "",
                           removed[0] ? "remove " : "", removed);
}

/* The arguments `line` with the step's changes; caller frees. */
static char *edit_line(const CcbStep *step, const char *line, GError **error)
{
    g_autoptr(CcbCmdline) arguments = ccb_cmdline_parse(line, error);
    if (arguments == NULL)
        return NULL;
    g_auto(GStrv) gone = ccb_node_get_strings(step->settings, "remove");
    g_auto(GStrv) set = ccb_node_get_strings(step->settings, "set");
    for (char **word = gone; *word != NULL; word++)
        ccb_cmdline_remove(arguments, *word);
    for (char **word = set; *word != NULL; word++)
        if (!ccb_cmdline_set(arguments, *word, error))
            return NULL;
    return ccb_cmdline_render(arguments);
}

/* Each of these turns the text of one kind of file into the new text (CcbEffectEdit; its data is
 * the step); NULL on error. */

static char *edit_entry(const void *step, const char *text, GError **error)
{
    g_autoptr(CcbBls) entry = ccb_bls_parse(text, strlen(text), error);
    if (entry == NULL)
        return NULL;
    g_autofree char *old = ccb_bls_get_joined(entry, "options");
    if (ccb_grub_uses(old, "kernelopts"))
        return ccb_bls_render(entry); /* grubenv and grub.cfg have its arguments */
    g_autofree char *line = edit_line(step, old ? old : "", error);
    if (line == NULL || !ccb_bls_set(entry, "options", line, error))
        return NULL;
    return ccb_bls_render(entry);
}

static char *edit_grubenv(const void *step, const char *text, GError **error)
{
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(text, strlen(text), error);
    g_autofree char *old = env ? ccb_grubenv_get(env, "kernelopts") : NULL;
    if (env == NULL || old == NULL) /* not in use: entries say it literally */
        return env ? g_strdup(text) : NULL;
    g_autofree char *line = edit_line(step, old, error);
    if (line == NULL || !ccb_grubenv_set(env, "kernelopts", line, error))
        return NULL;
    return ccb_grubenv_render(env);
}

static char *edit_grubcfg(const void *step, const char *text, GError **error)
{
    g_autofree char *old = NULL;
    if (!ccb_grubcfg_get_kernelopts(text, strlen(text), &old, error))
        return NULL;
    if (old == NULL)
        return g_strdup(text);
    g_autofree char *line = edit_line(step, old, error);
    guint count = 0;
    return line ? ccb_grubcfg_set_kernelopts(text, strlen(text), line, &count, error) : NULL;
}

static char *edit_default_grub(const void *step, const char *text, GError **error)
{
    static const char key[] = "GRUB_CMDLINE_LINUX";
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(text, strlen(text), error);
    if (vars == NULL)
        return NULL;
    if (!ccb_shellvars_is_literal(vars, key)) {
        ccb_fail(error, CCB_ERR_INPUT,
                 "%s has $NAME, $(...) or backticks in it, whose result ccbake can't know", key);
        ccb_hint(error, "write its arguments out, in a step before this one");
        return NULL;
    }
    g_autofree char *old = ccb_shellvars_get(vars, key);
    g_autofree char *line = edit_line(step, old ? old : "", error);
    if (line == NULL || !ccb_shellvars_set(vars, key, line, error))
        return NULL;
    return ccb_shellvars_render(vars);
}

static char *edit_kernel_cmdline(const void *step, const char *text, GError **error)
{
    g_autofree char *old = g_strstrip(g_strdup(text));
    g_autofree char *line = edit_line(step, old, error);
    return line ? g_strconcat(line, "\n", NULL) : NULL;
}

/* Beside the boot entries. */
static const struct {
    const char *path;
    CcbEffectEdit edit;
} places[] = {
    {CCB_GRUBENV_PATH, edit_grubenv},
    {"/boot/grub2/grub.cfg", edit_grubcfg},
    {"/etc/default/grub", edit_default_grub},
    {"/etc/kernel/cmdline", edit_kernel_cmdline},
};

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    g_auto(GStrv) gone = ccb_node_get_strings(step->settings, "remove");
    g_auto(GStrv) set = ccb_node_get_strings(step->settings, "set");
    for (char **word = gone; *word != NULL; word++)
        ccb_effect_add(effect, CCB_EFFECT_REMOVE_ARGUMENT, NULL, *word);
    for (char **word = set; *word != NULL; word++)
        ccb_effect_add(effect, CCB_EFFECT_SET_ARGUMENT, NULL, *word);
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++)
        ccb_effect_edit(effect, ((CcbBootEntry *)facts->entries->pdata[i])->path, edit_entry, step);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        ccb_effect_edit(effect, places[i].path, places[i].edit, step);
    return true;
}

/* A missing file is left missing: it does not take part in booting this image. */
static bool edit_file(CcbBake *bake, const CcbStep *step, const char *path, CcbEffectEdit edit,
                      GError **error)
{
    g_autofree char *text = NULL;
    if (!ccb_guest_read_optional(bake->guest, path, &text, error))
        return false;
    if (text == NULL)
        return true;
    g_autofree char *changed = edit(step, text, error);
    if (changed == NULL) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    return strcmp(text, changed) == 0 || ccb_guest_replace(bake->guest, path, changed, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    for (guint i = 0; i < bake->facts->entries->len; i++) {
        const CcbBootEntry *entry = bake->facts->entries->pdata[i];
        if (!edit_file(bake, step, entry->path, edit_entry, error))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (!edit_file(bake, step, places[i].path, places[i].edit, error))
            return false;
    return ccb_bake_refresh(bake, error);
}

const CcbStepKind ccb_step_kernel_args = {
    .name = "kernel-args",
    .summary = "set kernel arguments for every entry, this kernel and later ones",
    .version = 1,
    .fields = fields,
    .check = check,
    .describe = describe,
    .declare = declare,
    .run = run,
};
