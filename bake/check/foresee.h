/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What checks can say before an image is baked: of a guest that is a prediction (change/predict.h), of which only the
 * files that steps write are known for sure.  A check that can has a row in its family's table of these; it fails only
 * where the image will fail the check.
 */
#pragma once

#include "check/context.h"

/* What is known of the image that the steps will leave. */
typedef struct CcbForesight {
    CcbGuest *guest;       /* its files; of the base's only with `has_files` */
    const CcbFacts *facts; /* default_kver "": the kernel is not known yet */
    const CcbExpectation *expect;
    bool
        has_base; /* kernel, boot entries, units and packages in `facts` are those of base and steps; else of steps */
    bool has_files; /* the base's files are in `guest` */
    bool is_open; /* steps may bring or change anything: commands of the recipe, unknown packages */
} CcbForesight;

/* As a check's `run`, with ctx->foresight set.  What can't be read is not known, and no failure.  Sets result->subject
 * and result->certain. */
typedef struct {
    const char *id; /* of the check */
    bool (*foresee)(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
} CcbForesee;

/* Each is a table that ends with a row without id. */
#define CCB_FORESEE_FAMILIES(X)                                                                    \
    X(arguments)                                                                                   \
    X(modprobe)                                                                                    \
    X(nouveau)                                                                                     \
    X(fabric)                                                                                      \
    X(units)
#define CCB_FORESEE_FAMILY(name) extern const CcbForesee ccb_foresees_##name[];
CCB_FORESEE_FAMILIES(CCB_FORESEE_FAMILY)

typedef struct {
    const CcbCheck *check;
    char *detail;
    char *subject; /* the argument, unit or file that it is about; NULL: nothing that is there */
    bool certain;  /* else only what nobody knows yet can prevent it */
} CcbForeseen;

/* The checks that fail the image and that it will fail (CcbForeseen); caller unrefs.  What the recipe waives is left out.
 * Errors: CCB_ERR_IO, CCB_ERR_CANCELLED. */
GPtrArray *ccb_check_foresee(const CcbForesight *known, GError **error);

/* Whether nothing can be said of a unit: the base may have it, or a drop-in of it. */
bool ccb_foresee_is_hidden(const CcbForesight *known, const char *unit);

/* Whether the base and the packages that nobody knows can't bring what is missing. */
bool ccb_foresee_is_closed(const CcbForesight *known);
