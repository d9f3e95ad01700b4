/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake bake --matrix`: every image of a recipe's matrix, several at a time. */
#pragma once

#include "base/options.h"
#include "cli/load.h"

typedef struct {
    const char *recipe_path;
    const CcbLoadOptions *load;
    const char *directory; /* where the images go; created */
    CcbBackend backend;
    unsigned at_a_time;     /* 0: as many as cores, memory and disk allow */
    const CcbOption *table; /* of `bake`: options that are set are passed on to each bake */
} CcbMatrixOptions;

/* Prints a table of the results to standard output.  An image that fails does not stop the others; the
 * error has the exit code of the first that failed.  Errors before anything is baked: those of ccb_load_matrix(),
 * CCB_ERR_RECIPE where two images would have the same name, CCB_ERR_HOST where there is too little space. */
bool ccb_matrix_bake(const CcbMatrixOptions *options, GError **error);
