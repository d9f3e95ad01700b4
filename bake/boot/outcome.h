/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What journal and console of a boot mean for the image: whether it came up, which failures are expected in a machine
 * without a GPU, and whether the units of the GPU kept their order. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "boot/console.h"
#include "boot/journal.h"

typedef struct {
    char *unit;
    char *reason; /* "exit-code", "timeout", "dependency" ..., or NULL */
    char *why;    /* expected: what it needs a GPU for, as there is none here; NULL: not expected */
    GPtrArray *lines; /* char *: its last lines in the journal; empty without one */
} CcbBootFailure;

typedef struct {
    char *before, *after;
    bool kept;
    /* Seconds of the guest's clock, from its journal: when `before` was done, and `after` begun; 0: not known. */
    double done, began;
} CcbBootOrder;

typedef struct {
    char *up;           /* the target that was reached, or NULL */
    char *trouble;      /* why it is not up, or NULL */
    double seconds;     /* until it was up, or until the end */
    bool emulated;      /* no KVM */
    char *kvm;          /* why so */
    bool has_journal;   /* not by the console's text alone */
    unsigned entries;   /* of the journal */
    GPtrArray *failed;  /* CcbBootFailure */
    GPtrArray *skipped; /* char *: units of the GPU whose conditions were not met */
    GPtrArray *missing; /* char *: units that .gpus demands and that were not tried */
    GPtrArray *orders;  /* CcbBootOrder: those of which both units were seen */
    /* CcbBootOrder, names only: demanded of a system that came up, but not seen of both. */
    GPtrArray *unjudged;
    GPtrArray *notes; /* char * */
} CcbBootResult;

void ccb_boot_result_clear(CcbBootResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbBootResult, ccb_boot_result_clear)

/* What is known of a boot. */
typedef struct {
    const CcbConsole *console;
    const CcbJournal *journal;  /* NULL: it could not be read */
    char *const *gpu_consumers; /* as in CcbBootSource; NULL: none */
    GHashTable *gpu_requirers;  /* as in CcbBootSource; NULL: none */
    unsigned gpus;              /* as in CcbBootOptions */
} CcbBootEvidence;

/* Fills in an empty result, but for trouble, seconds, emulated and kvm. */
void ccb_boot_check(const CcbBootEvidence *evidence, CcbBootResult *ret);

/* Up, every order kept, nothing missing, and no failure but the expected. */
bool ccb_boot_is_good(const CcbBootResult *result);

json_t *ccb_boot_to_json(const CcbBootResult *result); /* new reference */

/* Whether a unit talks to GPU or NVSwitch itself, and fails on a machine that has none. */
bool ccb_boot_needs_gpu(const char *unit);
