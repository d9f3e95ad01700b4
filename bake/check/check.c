/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

#include <stdarg.h>

static void set(CcbCheckResult *result, CcbCheckStatus status, const char *format, va_list args)
{
    if (result->error != NULL || (result->status != CCB_PASS && status != CCB_FAIL))
        return;
    if (result->status != status)
        g_string_truncate(result->detail, 0);
    result->status = status;
    if (result->detail->len > 0)
        g_string_append(result->detail, "; ");
    g_string_append_vprintf(result->detail, format, args);
}

bool ccb_result_pass(CcbCheckResult *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(result, CCB_PASS, format, args);
    va_end(args);
    return true;
}

bool ccb_result_fail(CcbCheckResult *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(result, CCB_FAIL, format, args);
    va_end(args);
    return true;
}

bool ccb_result_skip(CcbCheckResult *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(result, CCB_NOT_APPLICABLE, format, args);
    va_end(args);
    return true;
}
