/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

G_DEFINE_QUARK(ccbake, ccb_error)

bool ccb_fail(GError **error, CcbErrorCode code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, CCB_ERROR, (gint)code, message);
    return false;
}

bool ccb_fail_errno(GError **error, CcbErrorCode code, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, CCB_ERROR, (gint)code, "%s: %s", message, g_strerror(saved));
    errno = saved;
    return false;
}

bool ccb_hint(GError **error, const char *format, ...)
{
    if (error == NULL || *error == NULL)
        return false;
    va_list args;
    va_start(args, format);
    g_autofree char *hint = g_strdup_vprintf(format, args);
    va_end(args);
    char *message = g_strconcat((*error)->message, "\nhint: ", hint, NULL);
    g_free((*error)->message);
    (*error)->message = message;
    return false;
}

bool ccb_fail_silently(GError **error, int status)
{
    g_set_error_literal(error, CCB_ERROR, status, "");
    return false;
}

int ccb_exit_code(const GError *error)
{
    return error->domain == CCB_ERROR ? error->code : CCB_ERR_INTERNAL;
}
