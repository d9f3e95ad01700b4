/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report of an image as one HTML file for people: no script, nothing from outside, legible on a
 * phone, in the dark and on paper.  Rendered from what ccbake has as JSON anyway; gathering it is the
 * business of cli/report-data.c.  What is missing is left out, or the page says how to get it.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "systemd/unitplot.h"

typedef struct {
    const char *image;        /* the name of the file */
    const json_t *manifest;   /* or as much of one as is known; never NULL */
    const json_t *checks;     /* of ccb_report_to_json(), or NULL */
    const json_t *diff;       /* of ccb_diff_to_json(): the base and the image; or NULL */
    const char *no_diff;      /* where there is none: why */
    const CcbUnitPlot *plot;  /* the order of the GPU's units, or NULL */
    const char *no_plot;      /* where there is none: why */
    const char *const *notes; /* what the reader must know first; NULL-terminated, or NULL */
    bool unpublished;         /* the image failed its checks and was thrown away */
    const char *made;         /* when the page was made, for people */
} CcbPage;

/* Caller frees. */
char *ccb_page_to_html(const CcbPage *page);
