/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a plan, brought to this host: base and payloads, through the content store. */
#pragma once

#include "fetch/store.h"
#include "plan/plan.h"

/* The store below ccb_cache_dir(). */
CcbStore *ccb_plan_store(GError **error);

/* Fetches payloads (CcbPayload), fills path, sha256 and size of each, and compares packages with the keys that should
 * have signed them.  `offline`: the store and local files only. */
bool ccb_payloads_fetch(GPtrArray *payloads, CcbStore *store, bool offline, GError **error);

/* Where the file is at hand: a local file, or in the store; NULL: it has to be fetched.  Reads no
 * content; caller frees. */
char *ccb_payload_find(const CcbPayload *payload, const CcbStore *store);

/* Compares base and payloads that are local files with their digests; missing ones are no fault.  All
 * that changed are named.  Errors: CCB_ERR_INPUT. */
bool ccb_plan_check_local(const CcbPlan *plan, GError **error);

/* What is known of the base without opening it; NULL: it is not at hand, or was never looked at. */
CcbFacts *ccb_plan_known_base(const CcbPlan *plan, const CcbStore *store);

/* The base alone: its facts decide whether anything else is wanted. */
bool ccb_plan_fetch_base(CcbPlan *plan, CcbStore *store, bool offline, GError **error);

/* The base and everything that the steps from `first` on need. */
bool ccb_plan_fetch(CcbPlan *plan, guint first, CcbStore *store, bool offline, GError **error);
