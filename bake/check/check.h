/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only checks of an emitted image: what a check is, and the table of all of them.  A family is
 * a file check-*.c with a table of checks; check/run.h runs them.
 *
 * A check never passes because it could not look: what it looks for and could not read makes it
 * CCB_UNREADABLE, which counts as an error whatever the check's severity.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "check/result.h"

/* The check that the request of an import looks for among those of the bake. */
#define CCB_CHECK_IMDS_V2 "cloud-init.imds-v2"

typedef struct CcbCheckContext CcbCheckContext;

/* What one check found.  The detail grows while the status only gets worse, so that one check
 * names everything that is wrong, and not just the first. */
typedef struct {
    CcbCheckStatus status;
    GString *detail;
    GError *error; /* the first thing that could not be read: nothing is added after that */
    /* Before the bake alone (check/foresee.h). */
    char *subject; /* what the failure is about; owned, or NULL */
    bool certain;  /* nothing that is not known yet can prevent it */
} CcbCheckResult;

typedef struct {
    const char *id; /* "kernel.minimum": stable, people grep for it */
    CcbSeverity severity;
    const char *why;    /* one sentence */
    const char *remedy; /* one sentence, imperative */
    /* Fills `result`; `error` is the result's.  False, or an error: the image could not be read. */
    bool (*run)(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
} CcbCheck;

/* The families, in the order of the results.  A new one is added here and nowhere else. */
#define CCB_CHECK_FAMILIES(X)                                                                      \
    X(recipe)                                                                                      \
    X(kernel)                                                                                      \
    X(arguments)                                                                                   \
    X(initramfs)                                                                                   \
    X(nouveau)                                                                                     \
    X(modprobe)                                                                                    \
    X(driver)                                                                                      \
    X(driver_modules)                                                                              \
    X(userspace)                                                                                   \
    X(cuda)                                                                                        \
    X(fabric)                                                                                      \
    X(units)                                                                                       \
    X(python)                                                                                      \
    X(updates)                                                                                     \
    X(cloud_init)                                                                                  \
    X(import)                                                                                      \
    X(hygiene)                                                                                     \
    X(secrets)                                                                                     \
    X(machine)                                                                                     \
    X(selftest)

/* Each is a table that ends with a row without id. */
#define CCB_CHECK_FAMILY(name) extern const CcbCheck ccb_checks_##name[];
CCB_CHECK_FAMILIES(CCB_CHECK_FAMILY)

/* All of them; ends with NULL. */
extern const CcbCheck *const ccb_check_families[];

/* For the checks themselves.  All return true, so that a check can end with one of them.  Where it
 * has failed already, a pass and a skip change nothing. */
bool ccb_result_pass(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool ccb_result_fail(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool ccb_result_skip(CcbCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
