/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

#include <stdarg.h>

static void append_detail(CcbCheckResult *result, const char *format, va_list args)
{
    if (result->detail->len > 0)
        g_string_append(result->detail, "; ");
    g_string_append_vprintf(result->detail, format, args);
}

bool ccb_result_pass(CcbCheckResult *result, const char *format, ...)
{
    if (result->status != CCB_PASS)
        return true; /* something is wrong already: what is right only hides it */
    va_list args;
    va_start(args, format);
    append_detail(result, format, args);
    va_end(args);
    return true;
}

bool ccb_result_fail(CcbCheckResult *result, const char *format, ...)
{
    if (result->status != CCB_FAIL)
        g_string_truncate(result->detail, 0);
    result->status = CCB_FAIL;
    va_list args;
    va_start(args, format);
    append_detail(result, format, args);
    va_end(args);
    return true;
}

bool ccb_result_skip(CcbCheckResult *result, const char *format, ...)
{
    if (result->status != CCB_PASS)
        return true;
    result->status = CCB_NOT_APPLICABLE;
    g_string_truncate(result->detail, 0);
    va_list args;
    va_start(args, format);
    append_detail(result, format, args);
    va_end(args);
    return true;
}
