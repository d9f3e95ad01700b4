/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report of an image as one HTML file for people: no script, nothing loaded from elsewhere,
 * legible on a phone, in the dark and on paper.  It is rendered from the JSON that ccbake makes anyway
 * (cli/report-data.c gathers it).  Where something is missing, the page says how to get it.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "systemd/unitplot.h"

typedef struct {
    const char *image;        /* the name of the file */
    const json_t *manifest;   /* or as much of one as is known; never NULL */
    const json_t *checks;     /* of ccb_results_to_json(), or NULL */
    const json_t *diff;       /* of ccb_diff_to_json(), the base and the image; or NULL */
    const char *no_diff;      /* without `diff`: why */
    const char *before;       /* what `diff` compares with; NULL: "the base" */
    const json_t *previous;   /* of ccb_release_compare(), with the previous release; or NULL */
    const CcbUnitPlot *plot;  /* the order of the GPU's units, or NULL */
    const char *no_plot;      /* without `plot`: why */
    const char *const *notes; /* what the reader must know first; NULL-terminated, or NULL */
    bool unpublished;         /* the image failed its checks and was removed */
    /* The names of files beside the page, for links; NULL: there is none. */
    const char *manifest_file, *log_file;
} CcbPage;

/* Caller frees. */
char *ccb_page_to_html(const CcbPage *page);
