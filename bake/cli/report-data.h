/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `bake` and `report` gather for a page (report/page.h). */
#pragma once

#include "check/result.h"
#include "guest/backend.h"
#include "guest/guest.h"
#include "recipe/expectation.h"
#include "report/page.h"

/* What one look into an image gives. */
typedef struct {
    CcbReport *checks;
    CcbUnitPlot *plot; /* NULL: it can't be drawn */
    char *no_plot;     /* why */
} CcbFindings;

void ccb_findings_clear(CcbFindings *findings);

/* As ccb_check_image(), with the order of the GPU's units. */
bool ccb_findings_read(CcbGuest *guest, const CcbExpectation *expect, CcbFindings *ret,
                       GError **error);

/* Names the set of checks that this ccbake has, with their severities; caller frees. */
char *ccb_check_set(void);

/* "2026-11-25 01:24:04 UTC"; caller frees. */
char *ccb_page_now(void);

/* A comparison of two images by a ccbake of its own, beside something else. */
typedef struct {
    pid_t pid;  /* 0: not under way */
    int output; /* a memory file, or -1 */
} CcbComparison;

/* Where it can't be started there will be no result. */
void ccb_comparison_start(CcbComparison *comparison, CcbBackend backend, const char *base,
                          const char *image);

/* Waits.  What ccb_diff_to_json() gives, as a new reference; NULL where there is none. */
json_t *ccb_comparison_finish(CcbComparison *comparison);

/* Ends it, where it is still under way. */
void ccb_comparison_clear(CcbComparison *comparison);
