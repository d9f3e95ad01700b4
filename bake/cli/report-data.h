/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what the verbs `bake` and `report` show on a page (report/page.h). */
#pragma once

#include "check/context.h"
#include "guest/backend.h"
#include "guest/guest.h"
#include "recipe/expectation.h"
#include "report/page.h"

/* Results of the checks, and the plot of the units; both from one opened image. */
typedef struct {
    CcbResults *checks;
    CcbUnitPlot *plot; /* the order of the GPU's units; NULL: it can't be drawn */
    char *no_plot;     /* why */
} CcbFindings;

void ccb_findings_clear(CcbFindings *findings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbFindings, ccb_findings_clear)

/* As ccb_check_image(), with the plot.  `sandbox` NULL: commands of the recipe's own checks are not run. */
bool ccb_findings_read(CcbGuest *guest, const CcbExpectation *expect,
                       const CcbCheckSandbox *sandbox, CcbFindings *ret, GError **error);

/* Names the set of checks that every image is given by this ccbake, with their severities; caller frees. */
char *ccb_check_set(void);

/* A comparison of two images in a child process, which runs beside something else: neither an error nor
 * a crash of it does any harm. */
typedef struct {
    pid_t pid;  /* 0 or -1: it does not run */
    int output; /* a memory file, or -1 */
} CcbComparison;

/* Of a process with a single thread.  If it can't be started there will be no result. */
void ccb_comparison_start(CcbComparison *comparison, CcbBackend backend, const char *base,
                          const char *image);

/* Waits.  The result as of ccb_diff_to_json(), a new reference; NULL if the comparison failed. */
json_t *ccb_comparison_finish(CcbComparison *comparison);

/* Ends it if it still runs. */
void ccb_comparison_clear(CcbComparison *comparison);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbComparison, ccb_comparison_clear)
