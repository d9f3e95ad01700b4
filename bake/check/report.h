/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks found, as rows; its two renderings. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum {
    CCB_PASS,
    CCB_FAIL,
    CCB_NOT_APPLICABLE,
    CCB_UNREADABLE, /* what the check looks for could not be read: an error, never a pass */
} CcbCheckStatus;

typedef enum { CCB_SEVERITY_ERROR, CCB_SEVERITY_WARNING } CcbSeverity;

typedef struct {
    const char *id; /* id, why and remedy belong to the table of the checks */
    CcbSeverity severity;
    CcbCheckStatus status;
    char *detail; /* the file, what was found, what was expected */
    const char *why;
    const char *remedy;
    char *waiver; /* why the recipe lets it fail; NULL: it does not */
} CcbReportRow;

typedef struct {
    GPtrArray *rows;  /* CcbReportRow, in the order of the tables */
    GPtrArray *notes; /* char *: "assumed: ..." */
    /* failed: of severity error; waived: neither failed, warned nor unreadable */
    unsigned passed, failed, warned, waived, not_applicable, unreadable;
} CcbReport;

CcbReport *ccb_report_new(void);
void ccb_report_free(CcbReport *report); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbReport, ccb_report_free)

/* Adds a row and counts it; copies detail and waiver.  A waiver that is not needed becomes a note. */
void ccb_report_add(CcbReport *report, const CcbReportRow *row);

/* The row of that id, or NULL; belongs to the report. */
const CcbReportRow *ccb_report_find(const CcbReport *report, const char *id);

/* No error-severity failure and nothing unreadable. */
bool ccb_report_is_good(const CcbReport *report);

/* As above, with CCB_ERR_CHECK that names the checks. */
bool ccb_report_verdict(const CcbReport *report, GError **error);

/* One line a row and two more below a row that is not good; then the counts.  Caller frees. */
char *ccb_report_to_text(const CcbReport *report);

json_t *ccb_report_to_json(const CcbReport *report); /* new reference */
