/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a plan, brought to this host: base and payloads, through the content store. */
#pragma once

#include "fetch/store.h"
#include "plan/plan.h"

/* The store below ccb_cache_dir(). */
CcbStore *ccb_plan_store(GError **error);

/* Fetches payloads (CcbPayload) and fills path, sha256 and size of each.  `offline`: the store and
 * local files only. */
bool ccb_payloads_fetch(const GPtrArray *payloads, CcbStore *store, bool offline, GError **error);

/* Whether the file is at hand: in the store, or a local file.  Reads no content. */
bool ccb_payload_at_hand(const CcbPayload *payload, const CcbStore *store);

/* The base alone: its facts decide whether anything else is wanted. */
bool ccb_plan_fetch_base(CcbPlan *plan, CcbStore *store, bool offline, GError **error);

/* The base and everything that the steps from `first` on need. */
bool ccb_plan_fetch(CcbPlan *plan, guint first, CcbStore *store, bool offline, GError **error);
