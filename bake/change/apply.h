/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries changes out in a guest: the one place where a step's files get into an image. */
#pragma once

#include "change/change.h"
#include "guest/facts.h"
#include "guest/guest.h"

/* `facts` are those of the guest; NULL: no boot entry is known.  `mounts`: of ccb_mounts_read().  What an installer does (PACKAGE,
 * MODULE, UNKNOWN) is left out.  Errors: of the guest; CCB_ERR_STEP where a unit is missing or has
 * no [Install]; CCB_ERR_INPUT with the path where a text can't be edited. */
bool ccb_change_apply(const CcbChange *change, const CcbFacts *facts, const GPtrArray *mounts,
                      CcbGuest *guest, GError **error);

/* All of them, in their order.  *ret_facts_differ: whether the guest's facts may be others now. */
bool ccb_changes_apply(const GPtrArray *changes, const CcbFacts *facts, CcbGuest *guest,
                       bool *ret_facts_differ, GError **error);

/* The path at which systemd would find the unit's file; NULL where there is none.  Caller frees. */
char *ccb_unit_find(CcbGuest *guest, const char *name);
