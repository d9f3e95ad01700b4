/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks found, as rows, and its renderings. */
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
    const char *id; /* id, why and remedy are interned by ccb_results_add() */
    CcbSeverity severity;
    CcbCheckStatus status;
    char *detail; /* the file, what was found, what was expected */
    const char *why;
    const char *remedy;
    char *waiver; /* why the recipe lets it fail; NULL: it does not */
} CcbResultRow;

typedef struct {
    GPtrArray *rows;  /* CcbResultRow, in the order of the tables */
    GPtrArray *notes; /* char *: "assumed: ..." */
    /* failed: of severity error; waived: neither failed, warned nor unreadable */
    unsigned passed, failed, warned, waived, not_applicable, unreadable;
    bool strict; /* warnings fail the image; set by whoever asked for it */
} CcbResults;

CcbResults *ccb_results_new(void);
void ccb_results_free(CcbResults *results); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbResults, ccb_results_free)

/* Adds a row and counts it; copies its texts.  A waiver that is not needed becomes a note. */
void ccb_results_add(CcbResults *results, const CcbResultRow *row);

/* No error-severity failure (with strict: no failure) and nothing unreadable, save what is waived. */
bool ccb_results_is_good(const CcbResults *results);

/* As above, with CCB_ERR_CHECK that names the checks. */
bool ccb_results_verdict(const CcbResults *results, GError **error);

/* Whether the recipe lets this row fail, and it does. */
bool ccb_results_row_is_waived(const CcbResultRow *row);

/* Whether the row fails the image. */
bool ccb_results_row_is_bad(const CcbResults *results, const CcbResultRow *row);

/* A text of the guest for terminals and files: one line without control characters, as of ccb_name_printable().  Caller
 * frees. */
char *ccb_results_printable(const char *text);

/* The notes; one line a row, passes first and failures last, with two more below a row that is not good; then the counts.
 * With `quiet` only warnings and failures, and the counts where the image fails.  Caller frees. */
char *ccb_results_to_text(const CcbResults *results, bool quiet, bool color);

/* The rows that fail the image, likewise; caller frees. */
char *ccb_results_bad_to_text(const CcbResults *results, bool color);

json_t *ccb_results_to_json(const CcbResults *results); /* new reference */

/*
 * For CI (result-files.c); caller frees.  In both a failure is a row that fails the image: a warning
 * that does not, and what is waived, are not.
 *
 * TAP version 13: such rows are "not ok" with the directive TODO; rows that do not apply have SKIP.
 */
char *ccb_results_to_tap(const CcbResults *results);

/* JUnit's XML, one test case a row; `subject` names the suite. Unreadable rows are errors. */
char *ccb_results_to_junit(const CcbResults *results, const char *subject);
