/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints what checks found, for the verbs whose result that is. */
#pragma once

#include "check/result.h"

/* The choices of their --format. */
#define CCB_RESULTS_FORMATS "text|json|tap|junit"

/* On standard output; `subject` is the image; `quiet` is for the text. */
void ccb_print_results(const CcbResults *results, const char *format, const char *subject,
                       bool quiet);
