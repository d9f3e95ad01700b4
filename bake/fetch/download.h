/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Downloads several items at a time, with retries and mirrors; private to this room. */
#pragma once

#include "fetch/fetch.h"

typedef struct {
    CcbFetchItem *item;
    GString *reasons; /* why earlier URLs failed */
    GError *error;    /* why there is no item->path, in the end */
    const char *hint; /* static text, or NULL */
} CcbDownload;

CcbDownload *ccb_download_new(CcbFetchItem *item); /* `item` stays the caller's */
void ccb_download_free(void *download);            /* a GDestroyNotify */

/* Remembers why a URL failed, while others are left to try. */
void ccb_download_note(CcbDownload *download, const GError *reason);

/* Fills in the item's results if the store has it; false only on errors. */
bool ccb_download_from_store(CcbStore *store, CcbDownload *download, GError **error);

/* `downloads`: of CcbDownload *; each ends with its item's results or its error set.
 * Returns false with *error only where all had to stop: no space for them, cancelled. */
bool ccb_download_all(CcbStore *store, GPtrArray *downloads, const CcbFetchOptions *options,
                      GError **error);
