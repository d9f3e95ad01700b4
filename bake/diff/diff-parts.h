/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a comparison; for this room only. */
#pragma once

#include "diff/diff.h"

/* Adds an item and returns it; strings are copied. */
CcbDiffItem *ccb_diff_add(GPtrArray *items, CcbDiffChange change, const char *name, const char *a,
                          const char *b);

/* system.c: from the facts of both. */
void ccb_diff_packages(CcbDiff *diff, const CcbFacts *a, const CcbFacts *b);
/* Items for the names that only one list has. */
void ccb_diff_names(GPtrArray *items, char **a, char **b);
void ccb_diff_boot(CcbDiff *diff, const CcbFacts *a, const CcbFacts *b);

/* files.c: from the trees of both. */
void ccb_diff_files(CcbDiff *diff, const CcbSnapshot *a, const CcbSnapshot *b);
