/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of the units of a boot.  Two readers fill it in: console.c from the text of the serial console, journal.c
 * from the guest's own journal.
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

/* Text that is not in step with other text is a stream of its own: an order is judged within one. */
enum { CCB_STREAM_STATUS, CCB_STREAM_JOURNAL, CCB_STREAMS };

typedef struct {
    char *name; /* "nvidia-persistenced.service"; the description where no name is known */
    CcbUnitState state;
    char *reason; /* of a failure, as systemd says it ("exit-code", "dependency"), or NULL */
    /* At which line or entry it began and was done, in each stream; 0: not seen. */
    unsigned began[CCB_STREAMS], done[CCB_STREAMS];
    gint64 began_us, done_us; /* the guest's monotonic clock; 0: not known */
    int exit_status;          /* of the first process of it that failed by exit(); 0: not known */
    GQueue lines;             /* char *: the last it said, or systemd about it */
} CcbBootUnit;

typedef struct {
    GPtrArray *list;     /* CcbBootUnit, in order of appearance */
    GHashTable *by_name; /* of the same */
} CcbBootUnits;

void ccb_units_init(CcbBootUnits *units);
void ccb_units_clear(CcbBootUnits *units);

CcbBootUnit *ccb_units_find(const CcbBootUnits *units, const char *name); /* or NULL */

/* Made where it is new; NULL where there are too many by now. */
CcbBootUnit *ccb_units_get(CcbBootUnits *units, const char *name);

/* Gives a unit its name; if there is one of that name by now, they become one. */
void ccb_units_rename(CcbBootUnits *units, CcbBootUnit *unit, const char *name);

/* Takes note of a state at position `at` (from 1) of a stream.  A failure stays one, also when a restart succeeds. */
void ccb_unit_note(CcbBootUnit *unit, CcbUnitState state, int stream, unsigned at);

/* The first reason is the cause; NULL is none. */
void ccb_unit_set_reason(CcbBootUnit *unit, const char *reason);

/* The first that is not 0 counts: what is run after a failure says nothing of the cause. */
void ccb_unit_set_exit(CcbBootUnit *unit, int status);

/* "x.service", "dev-sda.device": characters, length and ending that systemd allows. */
bool ccb_unit_is_name(const char *word);

typedef enum { CCB_ORDER_NOT_SEEN, CCB_ORDER_KEPT, CCB_ORDER_VIOLATED } CcbOrder;

/* Whether `second` began only when `first` was done (started, skipped or failed).  Either may be NULL. */
CcbOrder ccb_unit_order(const CcbBootUnit *first, const CcbBootUnit *second);
