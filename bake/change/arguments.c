/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/arguments.h"

#include <string.h>

#include "base/error.h"
#include "guest/bootchain.h"
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

/* What a second place adds to arguments that have the change already: it must not take back what they say. */
static char *edit_addition(const void *data, const char *line, GError **error)
{
    const CcbChange *change = data;
    g_autoptr(CcbCmdline) arguments = ccb_cmdline_parse(line, error);
    if (arguments == NULL)
        return NULL;
    for (char **word = change->remove; *word != NULL; word++)
        ccb_cmdline_remove(arguments, *word);
    for (char **word = change->set; *word != NULL; word++) {
        g_autofree char *key = g_strndup(*word, strcspn(*word, "="));
        ccb_cmdline_remove(arguments, *word);
        guint others = ccb_cmdline_count(arguments, key);
        if (others > 0 && !ccb_cmdline_is_list(key))
            ccb_cmdline_remove(arguments, key);
    }
    return ccb_cmdline_render(arguments);
}

/* Where $kernelopts is among the options, grubenv and grub.cfg have its arguments. */
static char *edit_options(const void *change, const char *line, GError **error)
{
    return ccb_grub_uses(line, "kernelopts") ? edit_addition(change, line, error)
                                             : ccb_arguments_edit(change, line, error);
}

/* Each of these is a CcbChangeEdit for one kind of file; its data is the change. */

static bool check_read(const CcbBls *entry, GError **error)
{
    guint line = ccb_bls_unread_line(entry, "options");
    if (line == 0)
        return true;
    ccb_fail(
        error, CCB_ERR_INPUT,
        "line %u: GRUB does not read these options: the key ends at the first space of a line, "
        "and reading ends at a line without a value",
        line);
    return ccb_hint(error,
                    "put one space behind \"options\" and take out empty lines before it, in a "
                    "step before this one");
}

/* An entry without options gets default_kernelopts, which is in grub.cfg or grubenv, and would lose it by having some. */
static char *edit_entry(const void *change, const char *text, GError **error)
{
    g_autoptr(CcbBls) entry = ccb_bls_parse(text, strlen(text), error);
    if (entry == NULL || !check_read(entry, error))
        return NULL;
    g_autofree char *old = ccb_bls_get(entry, "options");
    g_autofree char *line =
        old != NULL && *old != '\0' ? edit_options(change, old, error) : g_strdup("");
    if (line == NULL || (old != NULL && *line == '\0' && *old != '\0'
                             ? !ccb_bls_set(entry, "options", "$tuned_params", error)
                             : *line != '\0' && !ccb_bls_set(entry, "options", line, error)))
        return NULL;
    return ccb_bls_render(entry);
}

/* The same where no variable brings arguments. */
static char *edit_bare_entry(const void *change, const char *text, GError **error)
{
    g_autoptr(CcbBls) entry = ccb_bls_parse(text, strlen(text), error);
    if (entry == NULL || !check_read(entry, error))
        return NULL;
    g_autofree char *old = ccb_bls_get(entry, "options");
    g_autofree char *line = ccb_arguments_edit(change, old != NULL ? old : "", error);
    if (line == NULL || !ccb_bls_set(entry, "options", line, error))
        return NULL;
    return ccb_bls_render(entry);
}

static char *edit_grubenv(const void *change, const char *text, GError **error)
{
    static const char *const names[] = {"kernelopts", "default_kernelopts"};
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(text, strlen(text), error);
    for (guint i = 0; env != NULL && i < G_N_ELEMENTS(names); i++) {
        g_autofree char *old = ccb_grubenv_get(env, names[i]);
        g_autofree char *line = old != NULL ? ccb_arguments_edit(change, old, error) : NULL;
        if (old != NULL && (line == NULL || !ccb_grubenv_set(env, names[i], line, error)))
            return NULL;
    }
    return env != NULL ? ccb_grubenv_render(env) : NULL;
}

static char *edit_grubcfg(const void *change, const char *text, GError **error)
{
    return ccb_grubcfg_edit(text, strlen(text), edit_options, change, error);
}

/* What the shell makes of $NAME and $(...) is not known: arguments are added behind it, as the last ones count, and none
 * can be taken out. */
static char *append_words(CcbShellvars *vars, const char *key, const CcbChange *change,
                          GError **error)
{
    g_autofree char *text = ccb_shellvars_get(vars, key);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) written = g_strsplit_set(text, " \t\n", -1);
    for (char **word = change->remove; *word != NULL; word++)
        if (strstr(text, *word) != NULL) {
            ccb_fail(error, CCB_ERR_INPUT,
                     "%s has $NAME, $(...) or backticks in it, and %s can't be taken out of that",
                     key, *word);
            ccb_hint(error, "write its arguments out, in a step before this one");
            return NULL;
        }
    for (char **word = change->set; *word != NULL; word++)
        if (!g_strv_contains((const char *const *)written, *word))
            g_strv_builder_add(builder, *word);
    g_auto(GStrv) missing = g_strv_builder_end(builder);
    g_autofree char *line = g_strjoinv(" ", missing);
    return *line == '\0' || ccb_shellvars_append(vars, key, line, error)
               ? ccb_shellvars_render(vars)
               : NULL;
}

/* grub2-mkconfig writes the first variable, and behind it the second. */
static char *edit_default_grub(const void *data, const char *text, GError **error)
{
    static const char first[] = "GRUB_CMDLINE_LINUX", second[] = "GRUB_CMDLINE_LINUX_DEFAULT";
    const CcbChange *change = data;
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(text, strlen(text), error);
    if (vars == NULL)
        return NULL;
    g_autofree char *more = ccb_shellvars_get(vars, second);
    if (more != NULL && ccb_shellvars_is_literal(vars, second)) {
        g_autofree char *line = edit_addition(change, more, error);
        if (line == NULL ||
            (strcmp(line, more) != 0 && !ccb_shellvars_set(vars, second, line, error)))
            return NULL;
    } else if (more != NULL) {
        g_autofree char *done = append_words(vars, second, change, error);
        if (done == NULL)
            return NULL;
    }
    if (!ccb_shellvars_is_literal(vars, first))
        return append_words(vars, first, change, error);
    g_autofree char *old = ccb_shellvars_get(vars, first);
    g_autofree char *line = ccb_arguments_edit(change, old ? old : "", error);
    if (line == NULL || !ccb_shellvars_set(vars, first, line, error))
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
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(done, CCB_GRUBCFG_PATH);
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        bool is_bare = facts->kernelopts == NULL || entry->cmdline[0] == '\0';
        if (!g_hash_table_add(done, entry->path))
            continue;
        if (g_str_has_suffix(entry->path, ".conf"))
            ccb_change_edit(edits, entry->path, is_bare ? edit_bare_entry : edit_entry, change);
        else /* on the EFI system partition there is none that can be written */
            ccb_change_edit(edits, entry->path, edit_grubcfg, change)->required = true;
    }
    ccb_change_edit(edits, CCB_GRUBENV_PATH, edit_grubenv, change);
    ccb_change_edit(edits, CCB_GRUBCFG_PATH, edit_grubcfg, change);
    ccb_change_edit(edits, "/etc/default/grub", edit_default_grub, change);
    ccb_change_edit(edits, "/etc/kernel/cmdline", edit_kernel_cmdline, change);
    return edits;
}
