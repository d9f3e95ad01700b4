/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/arguments.h"

#include <string.h>

#include "base/error.h"
#include "text/bls.h"
#include "text/cmdline.h"
#include "text/grubcfg.h"
#include "text/grubenv.h"
#include "text/shellvars.h"

char *ccb_arguments_edit(const CcbChange *change, const char *line, GError **error)
{
    g_autoptr(CcbCmdline) arguments = ccb_cmdline_parse(line, error);
    if (arguments == NULL)
        return NULL;
    for (char **word = change->remove; *word != NULL; word++)
        ccb_cmdline_remove(arguments, *word);
    for (char **word = change->set; *word != NULL; word++)
        if (!ccb_cmdline_set(arguments, *word, error))
            return NULL;
    return ccb_cmdline_render(arguments);
}

/* Each of these is a CcbChangeEdit for one kind of file; its data is the change. */

static char *edit_entry(const void *change, const char *text, GError **error)
{
    g_autoptr(CcbBls) entry = ccb_bls_parse(text, strlen(text), error);
    if (entry == NULL)
        return NULL;
    g_autofree char *old = ccb_bls_get_joined(entry, "options");
    if (ccb_grub_uses(old, "kernelopts"))
        return ccb_bls_render(entry); /* grubenv and grub.cfg have its arguments */
    g_autofree char *line = ccb_arguments_edit(change, old ? old : "", error);
    if (line == NULL || !ccb_bls_set(entry, "options", line, error))
        return NULL;
    return ccb_bls_render(entry);
}

static char *edit_grubenv(const void *change, const char *text, GError **error)
{
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(text, strlen(text), error);
    g_autofree char *old = env ? ccb_grubenv_get(env, "kernelopts") : NULL;
    if (env == NULL || old == NULL) /* not in use: entries say it literally */
        return env ? g_strdup(text) : NULL;
    g_autofree char *line = ccb_arguments_edit(change, old, error);
    if (line == NULL || !ccb_grubenv_set(env, "kernelopts", line, error))
        return NULL;
    return ccb_grubenv_render(env);
}

static char *edit_grubcfg(const void *change, const char *text, GError **error)
{
    g_autofree char *old = NULL;
    if (!ccb_grubcfg_get_kernelopts(text, strlen(text), &old, error))
        return NULL;
    if (old == NULL)
        return g_strdup(text);
    g_autofree char *line = ccb_arguments_edit(change, old, error);
    guint count = 0;
    return line ? ccb_grubcfg_set_kernelopts(text, strlen(text), line, &count, error) : NULL;
}

static char *edit_default_grub(const void *change, const char *text, GError **error)
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
    g_autofree char *line = ccb_arguments_edit(change, old ? old : "", error);
    if (line == NULL || !ccb_shellvars_set(vars, key, line, error))
        return NULL;
    return ccb_shellvars_render(vars);
}

static char *edit_kernel_cmdline(const void *change, const char *text, GError **error)
{
    g_autofree char *old = g_strstrip(g_strdup(text));
    g_autofree char *line = ccb_arguments_edit(change, old, error);
    return line ? g_strconcat(line, "\n", NULL) : NULL;
}

/* A file that is missing takes no part in booting this image. */
GPtrArray *ccb_arguments_edits(const CcbChange *change, const CcbFacts *facts)
{
    GPtrArray *edits = ccb_changes_new();
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++)
        ccb_change_edit(edits, ((const CcbBootEntry *)facts->entries->pdata[i])->path, edit_entry,
                        change);
    ccb_change_edit(edits, CCB_GRUBENV_PATH, edit_grubenv, change);
    ccb_change_edit(edits, "/boot/grub2/grub.cfg", edit_grubcfg, change);
    ccb_change_edit(edits, "/etc/default/grub", edit_default_grub, change);
    ccb_change_edit(edits, "/etc/kernel/cmdline", edit_kernel_cmdline, change);
    return edits;
}
