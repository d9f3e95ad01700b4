/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the checks on an emitted image.
 *
 * 1. open      a guest with read_only set, on the emitted file (never on the working copy)
 * 2. check     g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, &expectation);
 *              ctx->sandbox = ...; for the commands of the recipe's own checks
 *              g_autoptr(CcbResults) results = NULL;
 *              if (!ccb_check_image(ctx, &results, error)) return false;
 * 3. decide    if (!ccb_results_verdict(results, error)) return false;        CCB_ERR_CHECK
 */
#pragma once

#include "check/check.h"
#include "check/context.h"

/* Runs every check, and those of the recipe's own.  An image that is wrong gives true, and results that say so.
 * Errors: those that are not the image's: CCB_ERR_CANCELLED, CCB_ERR_HOST, CCB_ERR_IO. */
bool ccb_check_image(CcbCheckContext *ctx, CcbResults **ret_results, GError **error);

/* As above with some of the families (ends with NULL), and none of the recipe's. */
bool ccb_check_run(CcbCheckContext *ctx, const CcbCheck *const *families, CcbResults **ret_results,
                   GError **error);

/* Why the recipe lets the check fail; NULL: it does not. */
const char *ccb_check_find_waiver(const CcbExpectation *expect, const char *id);

/* One line a check, "id<TAB>error|warning<TAB>why<TAB>remedy", those of the recipe's own last; caller frees. */
char *ccb_check_table(const CcbExpectation *expect);
