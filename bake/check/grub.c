/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/grub.h"

#include <string.h>

#include "format/grubcfg.h"
#include "format/grubenv.h"

const char *const ccb_grub_configs[] = {"/boot/grub2/grub.cfg", "/boot/efi/EFI/alinux/grub.cfg",
                                        NULL};

bool ccb_check_grubenv_get(CcbCheckContext *ctx, const char *name, char **ret_value, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, CCB_GRUBENV_PATH, error);
    if (file == NULL)
        return false;
    *ret_value = NULL;
    if (file->text == NULL)
        return true;
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(file->text, file->size, error);
    if (env == NULL) {
        g_prefix_error(error, "%s: ", CCB_GRUBENV_PATH);
        return false;
    }
    *ret_value = ccb_grubenv_get(env, name);
    return true;
}

bool ccb_check_grubcfg_kernelopts(CcbCheckContext *ctx, const char *path, char **ret_value,
                                  GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    *ret_value = NULL;
    if (file->text == NULL)
        return true;
    if (ccb_grubcfg_get_kernelopts(file->text, file->size, ret_value, error))
        return true;
    g_prefix_error(error, "%s: ", path);
    return false;
}

/* What GRUB puts in place of $kernelopts; never NULL without an error. */
static char *effective_kernelopts(CcbCheckContext *ctx, GError **error)
{
    char *value = NULL;
    if (!ccb_check_grubenv_get(ctx, "kernelopts", &value, error))
        return NULL;
    for (guint i = 0; value == NULL && ccb_grub_configs[i] != NULL; i++)
        if (!ccb_check_grubcfg_kernelopts(ctx, ccb_grub_configs[i], &value, error))
            return NULL;
    return value != NULL ? value : g_strdup("");
}

static char *replace_word(const char *text, const char *word, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(text, word, -1);
    return g_strjoinv(value, parts);
}

char *ccb_check_boot_options(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    const char *options = entry->options != NULL ? entry->options : "";
    if (strstr(options, "kernelopts") == NULL)
        return g_strdup(options);
    g_autofree char *kernelopts = effective_kernelopts(ctx, error);
    if (kernelopts == NULL)
        return NULL;
    g_autofree char *once = replace_word(options, "${kernelopts}", kernelopts);
    return replace_word(once, "$kernelopts", kernelopts);
}
