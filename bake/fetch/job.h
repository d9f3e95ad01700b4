/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The download of one item; private to this room.
 *
 *     WAITING ──► ACTIVE ──► FINISHED          the bytes are there and right, or no URL is left to
 * try ▲           │ └───────────┘    retry after a pause, next mirror, or another process holds the
 * partial's lock
 *
 * download.c moves jobs on: ccb_job_start() when a waiting one is due, ccb_job_end_transfer() when
 * curl is done with an active one.
 */
#pragma once

#include "fetch/download.h"
#include "fetch/partial.h"
#include "fetch/transfer.h"

typedef enum { CCB_JOB_WAITING, CCB_JOB_ACTIVE, CCB_JOB_FINISHED } CcbJobState;

typedef struct {
    CcbDownload *download;
    CcbFetchItem *item; /* download->item */
    CcbStore *store;
    const CcbFetchOptions *options;
    CURLM *multi;
    CcbJobState state;
    gint64 due;            /* WAITING: monotonic time to go on */
    bool lock_announced;   /* told the user once that another process is at it */
    unsigned url;          /* index into item->urls */
    unsigned tries;        /* failed ones at this URL */
    uint64_t furthest;     /* most bytes ever had */
    CcbPartial *partial;   /* NULL until its lock is ours */
    CcbTransfer *transfer; /* ACTIVE only */
} CcbJob;

CcbJob *ccb_job_new(CcbDownload *download, CcbStore *store, const CcbFetchOptions *options,
                    CURLM *multi);
void ccb_job_free(void *job); /* a GDestroyNotify */

void ccb_job_start(CcbJob *job);
void ccb_job_end_transfer(CcbJob *job, CURLcode code);
