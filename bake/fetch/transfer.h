/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One attempt to get the bytes of one URL into a partial; private to this room.  Who drives the
 * attempts (download.c) hands the handle to a curl multi and asks afterwards what came of it.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "fetch/partial.h"

typedef struct {
    const char *url; /* what is pointed to must outlive the transfer */
    const char *referer;
    uint64_t size; /* expected; 0: not known */
    bool pinned;   /* a digest will judge the bytes */
    long stall_s;
    CcbPartial *partial;
} CcbTransferRequest;

typedef enum {
    CCB_TRANSFER_DONE,    /* all bytes are in the partial; nobody has looked at their digest yet */
    CCB_TRANSFER_RETRY,   /* worth another try at the same URL */
    CCB_TRANSFER_REFUSED, /* this URL will never do */
    CCB_TRANSFER_BROKEN,  /* trouble on our side: no other URL can help */
} CcbTransferResult;

typedef struct CcbTransfer CcbTransfer;

CcbTransfer *ccb_transfer_new(const CcbTransferRequest *request);
void ccb_transfer_free(CcbTransfer *transfer); /* accepts NULL; not while in a multi */

CURL *ccb_transfer_handle(CcbTransfer *transfer);

/* `code` is what curl said.  Sets the error in all cases but CCB_TRANSFER_DONE. */
CcbTransferResult ccb_transfer_finish(CcbTransfer *transfer, CURLcode code, GError **error);

/* For a finished transfer: */
bool ccb_transfer_resumed(const CcbTransfer *transfer); /* older bytes were kept */
long ccb_transfer_status(const CcbTransfer *transfer);  /* HTTP status, or 0 */
