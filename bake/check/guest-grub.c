/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-grub.h"

#include <string.h>

#include "text/grubcfg.h"
#include "text/grubenv.h"

const char *const ccb_grub_configs[] = {"/boot/grub2/grub.cfg", "/boot/efi/EFI/alinux/grub.cfg",
                                        NULL};

/* *ret stays NULL where there is none. */
static bool read_grubenv(CcbCheckContext *ctx, CcbGrubenv **ret, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, CCB_GRUBENV_PATH, error);
    if (file == NULL || file->text == NULL)
        return file != NULL;
    *ret = ccb_grubenv_parse(file->text, file->size, error);
    if (*ret == NULL)
        g_prefix_error(error, "%s: ", CCB_GRUBENV_PATH);
    return *ret != NULL;
}

bool ccb_check_grubenv_get(CcbCheckContext *ctx, const char *name, char **ret_value, GError **error)
{
    g_autoptr(CcbGrubenv) env = NULL;
    *ret_value = NULL;
    if (!read_grubenv(ctx, &env, error))
        return false;
    *ret_value = env != NULL ? ccb_grubenv_get(env, name) : NULL;
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

char *ccb_check_boot_options(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    g_autoptr(CcbGrubenv) env = NULL;
    g_autofree char *kernelopts = NULL;
    const char *options = entry->options != NULL ? entry->options : "";
    if (strchr(options, '$') == NULL) /* whatever is wrong with the others' files */
        return g_strdup(options);
    if (!read_grubenv(ctx, &env, error))
        return NULL;
    for (guint i = 0; kernelopts == NULL && ccb_grub_configs[i] != NULL; i++)
        if (!ccb_check_grubcfg_kernelopts(ctx, ccb_grub_configs[i], &kernelopts, error))
            return NULL;
    return ccb_grub_expand(options, env, kernelopts);
}
