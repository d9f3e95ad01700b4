/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Downloads several items at a time, with retries and mirrors; private to this room. */
#pragma once

#include "fetch/fetch.h"

/* Adds to item->error why one of its URLs is no use; takes ownership of `reason`. */
void ccb_item_add_error(CcbPayload *item, GError *reason);

/* Sets the item's hint, in the place of an earlier one; and that for other content than expected. */
void ccb_item_hint(CcbPayload *item, const char *format, ...) G_GNUC_PRINTF(2, 3);
void ccb_item_hint_other_content(CcbPayload *item);

/* Fills in the item's results if the store has it.  Errors: CCB_ERR_IO. */
bool ccb_item_find_in_store(CcbStore *store, CcbPayload *item, GError **error);

/* `items`: CcbPayload *, each with a remote URL.  Each ends with its results or with its error set.
 * Returns false with *error only where all had to stop: CCB_ERR_HOST (space), CCB_ERR_CANCELLED. */
bool ccb_download_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                      GError **error);
