/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only assertions on an emitted image.  One file a family, one table row a check;
 * check/families.c lists the families, and nothing else knows them.
 *
 * 1. open      a guest with read_only set, on the emitted file (never on the working copy)
 * 2. judge     g_autoptr(CcbResults) report = NULL;
 *              if (!ccb_check_image(guest, &expectation, &report, error)) return false;
 * 3. decide    if (!ccb_results_verdict(report, error)) return false;          CCB_ERR_CHECK
 *
 * A check never passes because it could not look: what it looks for and could not read makes it
 * CCB_UNREADABLE, which counts as an error whatever the check's severity.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "check/result.h"
#include "guest/guest.h"
#include "recipe/expectation.h"

/* The check that the request of an import looks for among those of the bake. */
#define CCB_CHECK_IMDS_V2 "cloud-init.imds-v2"

typedef struct CcbCheckContext CcbCheckContext;

/* What one check found.  The detail grows while the status only gets worse, so that one check
 * names everything that is wrong, and not just the first. */
typedef struct {
    CcbCheckStatus status;
    GString *detail;
} CcbCheckResult;

typedef struct {
    const char *id; /* "kernel.minimum": stable, people grep for it */
    CcbSeverity severity;
    const char *why;    /* one sentence */
    const char *remedy; /* one sentence, imperative */
    /* Fills `result`.  False: could not be judged, with the error that says why. */
    bool (*run)(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
} CcbCheck;

/* The families, each a table that ends with a row without id; ends with NULL. */
extern const CcbCheck *const ccb_check_families[];

extern const CcbCheck ccb_checks_kernel[];
extern const CcbCheck ccb_checks_arguments[];
extern const CcbCheck ccb_checks_nouveau[];
extern const CcbCheck ccb_checks_modprobe[];
extern const CcbCheck ccb_checks_driver[];
extern const CcbCheck ccb_checks_driver_modules[];
extern const CcbCheck ccb_checks_userspace[];
extern const CcbCheck ccb_checks_cuda[];
extern const CcbCheck ccb_checks_fabric[];
extern const CcbCheck ccb_checks_units[];
extern const CcbCheck ccb_checks_initramfs[];
extern const CcbCheck ccb_checks_python[];
extern const CcbCheck ccb_checks_updates[];
extern const CcbCheck ccb_checks_cloud_init[];
extern const CcbCheck ccb_checks_import[];
extern const CcbCheck ccb_checks_hygiene[];
extern const CcbCheck ccb_checks_machine[];
extern const CcbCheck ccb_checks_selftest[];

/* Runs every check.  False only when the judging itself broke down (cancelled, the backend or the
 * host failed); an image that is wrong gives true and a report that says so. */
bool ccb_check_image(CcbGuest *guest, const CcbExpectation *expect, CcbResults **ret_report,
                     GError **error);

/* As above on a context that is there already; for tests and for a single family. */
bool ccb_check_run(CcbCheckContext *ctx, const CcbCheck *const *families, CcbResults **ret_report,
                   GError **error);

/* One line a check, "id<TAB>error|warning<TAB>why<TAB>remedy"; caller frees. */
char *ccb_check_table(void);

/* For the checks themselves.  All return true, so that a check can end with one of them. */
bool ccb_result_pass(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool ccb_result_fail(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool ccb_result_skip(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
