/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image holds, as far as a comparison needs it:
 *
 *     CcbSnapshot *a = ccb_snapshot_read(guest, "a.qcow2", error);     tree and facts; no contents
 *     CcbSnapshot *b = ccb_snapshot_read(other, "b.qcow2", error);
 *     ccb_snapshot_complete(b, other, a, error);                       contents that a comparison of
 *     ccb_snapshot_complete(a, guest, b, error);                       the two has to look at
 *     CcbDiff *diff = ccb_diff_new(a, b);                              diff.h
 *
 * A file that has type, size and both times (mtime, ctime) in common with the other image's counts as the same: the
 * images come from one base, and ctime can't be set.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/facts.h"
#include "guest/guest.h"

typedef struct {
    char *name;          /* as the caller calls the image */
    CcbFacts *facts;     /* NULL: they could not be read */
    char *problem;       /* why */
    char **order;        /* of the GPU's units, as ccb_unitplot_order() has it; NULL: not known */
    char *order_problem; /* why */
    GPtrArray *entries;  /* CcbGuestEntry, of the whole image, sorted by path */
    GHashTable *texts;   /* path ► GBytes: configuration files */
    GHashTable *digests; /* path ► SHA-256 */
    GHashTable *modules; /* path ► version of a kernel module, "" where it says none */
} CcbSnapshot;

/* Takes ownership of `facts` and `entries`, which may be NULL. */
CcbSnapshot *ccb_snapshot_new(const char *name, CcbFacts *facts, GPtrArray *entries);
void ccb_snapshot_free(CcbSnapshot *snapshot); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbSnapshot, ccb_snapshot_free)

/* Reads the tree and the facts.  If boot entries, packages or units of the image are wrong, the snapshot says so and is
 * complete otherwise.  Errors: of the backend. */
CcbSnapshot *ccb_snapshot_read(CcbGuest *guest, const char *name, GError **error);

/* Reads the contents that a comparison with `other` needs.  Errors: of the backend. */
bool ccb_snapshot_complete(CcbSnapshot *snapshot, CcbGuest *guest, const CcbSnapshot *other,
                           GError **error);

/* Goes through the paths of both in their order; either entry is NULL where only the other image has the path. */
typedef struct {
    const CcbSnapshot *a, *b;
    guint at_a, at_b;
} CcbPairs;

bool ccb_pairs_next(CcbPairs *pairs, const CcbGuestEntry **ret_a, const CcbGuestEntry **ret_b);

/* Whether a pair is the same as far as its entries tell: type, mode, owner, size, target and times. */
bool ccb_entries_agree(const CcbGuestEntry *a, const CcbGuestEntry *b);
