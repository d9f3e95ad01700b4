/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of the units of a boot.  journal.c fills it in from the guest's own journal; console.c has the failures
 * that the text of the serial console shows.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    CCB_UNIT_UNKNOWN, /* nothing seen of its start */
    CCB_UNIT_STARTING,
    CCB_UNIT_STARTED, /* or, for a target, reached */
    CCB_UNIT_SKIPPED, /* a condition of the unit was not met */
    CCB_UNIT_FAILED,  /* also after it had started */
} CcbUnitState;

typedef struct {
    char *name; /* "nvidia-persistenced.service" */
    CcbUnitState state;
    char *reason; /* of a failure, as systemd says it ("exit-code", "dependency"), or NULL */
    unsigned began, done;     /* which entry of the journal said so, counted from 1; 0: not seen */
    gint64 began_us, done_us; /* the guest's monotonic clock; 0: not known */
    int exit_status;          /* of its first process that failed by exit(); 0: not known */
    GQueue lines;             /* char *: the last lines of the unit, or of systemd about it */
} CcbBootUnit;

typedef struct {
    GPtrArray *list;     /* CcbBootUnit, in order of appearance */
    GHashTable *by_name; /* of the same */
} CcbBootUnits;

void ccb_units_init(CcbBootUnits *units);
void ccb_units_clear(CcbBootUnits *units);

CcbBootUnit *ccb_units_find(const CcbBootUnits *units, const char *name); /* or NULL */

/* The unit of that name, created where it is new.  NULL where `name` can't be the name of a unit, or where there are
 * too many units already: a guest is not trusted. */
CcbBootUnit *ccb_units_get(CcbBootUnits *units, const char *name);

/* Notes a failure, which stays one when a restart succeeds.  The first reason is the cause; NULL is none. */
void ccb_unit_fail(CcbBootUnit *unit, const char *reason);

/* Whether reaching this target means that the system is up; `target` is the image's default target, or NULL. */
bool ccb_boot_is_up_target(const char *unit, const char *target);

/* "x.service", "dev-sda.device": characters, length and ending that systemd allows. */
bool ccb_unit_is_name(const char *word);
