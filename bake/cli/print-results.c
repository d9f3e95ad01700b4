/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print-results.h"

#include <stdio.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/print-json.h"

void ccb_print_results(const CcbResults *results, const char *format, const char *subject,
                       bool quiet)
{
    g_autofree char *text = NULL;
    if (g_str_equal(format, "json")) {
        ccb_print_json(ccb_results_to_json(results));
        return;
    }
    if (g_str_equal(format, "tap"))
        text = ccb_results_to_tap(results);
    else if (g_str_equal(format, "junit"))
        text = ccb_results_to_junit(results, subject);
    else
        text = ccb_results_to_text(results, quiet, ccb_color_wanted(STDOUT_FILENO));
    fputs(text, stdout);
}
