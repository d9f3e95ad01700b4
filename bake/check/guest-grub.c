/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-grub.h"

#include <string.h>

#include "text/grubcfg.h"
#include "text/grubenv.h"

const char *const ccb_grub_configs[] = {"/boot/grub2/grub.cfg", "/boot/efi/EFI/alinux/grub.cfg",
                                        NULL};

/* NULL where there is none. */
static CcbGrubenv *read_grubenv(CcbCheckContext *ctx, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, CCB_GRUBENV_PATH, error);
    if (file->text == NULL)
        return NULL;
    CcbGrubenv *env = ccb_grubenv_parse(file->text, file->size, error);
    if (env == NULL)
        g_prefix_error(error, "%s: ", CCB_GRUBENV_PATH);
    return env;
}

char *ccb_check_grubenv_get(CcbCheckContext *ctx, const char *name, GError **error)
{
    g_autoptr(CcbGrubenv) env = read_grubenv(ctx, error);
    return env != NULL ? ccb_grubenv_get(env, name) : NULL;
}

char *ccb_check_grubcfg_kernelopts(CcbCheckContext *ctx, const char *path, GError **error)
{
    char *value = NULL;
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file->text != NULL && !ccb_grubcfg_get_kernelopts(file->text, file->size, &value, error))
        g_prefix_error(error, "%s: ", path);
    return value;
}

/* An argument is right where it is in effect, or where setting it would change nothing.  The kernel
 * takes the last of several values; one that is there twice is for kernel.args-conflict. */
void ccb_check_argument(const CcbCmdline *line, const char *argument, const char *place,
                        CcbCheckResult *result, GError **error)
{
    const char *equals = strchr(argument, '=');
    g_autofree char *key = g_strndup(argument, strcspn(argument, "="));
    g_autofree char *value = ccb_cmdline_get(line, key);
    if (equals != NULL && g_strcmp0(value, equals + 1) == 0)
        return;
    g_autofree char *before = ccb_cmdline_render(line);
    g_autoptr(CcbCmdline) edited = ccb_cmdline_parse(before, error);
    if (edited == NULL || !ccb_cmdline_set(edited, argument, error)) {
        g_prefix_error(error, "%s: ", place);
        return;
    }
    g_autofree char *after = ccb_cmdline_render(edited);
    if (g_str_equal(before, after))
        return;
    if (value == NULL)
        ccb_result_fail(result, "%s: %s is missing", place, argument);
    else if (!ccb_cmdline_has(line, argument))
        ccb_result_fail(result, "%s: %s=%s, expected %s", place, key, value, argument);
    else
        ccb_result_fail(result, "%s: %s is there %u times, last as %s=%s, expected once %s", place,
                        key, ccb_cmdline_count(line, key), key, value, argument);
}
