/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a booting guest, read line by line: pure text in, what happened out.
 *
 *     g_autoptr(CcbConsole) console = ccb_console_new(names, "multi-user.target");
 *     while (...)
 *         ccb_console_line(console, line);
 *
 * Understands what systemd 239 to 252 print, in both of the streams that boot.c asks for: status
 * lines
 * ("[  OK  ] Started X.") and the journal forwarded to the console ("systemd[1]: Started X.").  239
 * says only a unit's description, so its name comes from `names`; later ones say the name.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Descriptions ► unit names (char * to char *). */
typedef GHashTable CcbUnitNames;

typedef enum {
    CCB_UNIT_UNKNOWN, /* nothing seen of it */
    CCB_UNIT_STARTING,
    CCB_UNIT_STARTED, /* or, for a target, reached */
    CCB_UNIT_SKIPPED, /* a condition of the unit was not met */
    CCB_UNIT_FAILED,  /* also after it had started */
} CcbUnitState;

typedef struct {
    char *name; /* "nvidia-persistenced.service"; the description where no name is known */
    CcbUnitState state;
    char *reason; /* of a failure, as systemd says it ("exit-code", "dependency"), or NULL */
    unsigned began[2],
        done[2]; /* line number at which it began or was done, a stream each; 0: not seen */
} CcbBootUnit;

typedef struct CcbConsole CcbConsole;

/* `names` may be NULL and must outlive the console; `target` is the default target of the image. */
CcbConsole *ccb_console_new(CcbUnitNames *names, const char *target);
void ccb_console_free(CcbConsole *console); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbConsole, ccb_console_free)

/* One line as it came, with escape sequences and carriage returns. */
void ccb_console_line(CcbConsole *console, const char *line);

/* The target that says that the system is up, or NULL as long as it isn't. */
const char *ccb_console_up(const CcbConsole *console);

/* Whether systemd has no job left ("Startup finished"). */
bool ccb_console_settled(const CcbConsole *console);

/* Why this boot can't come up any more (a panic, an emergency shell ...), in a sentence; or NULL.
 */
const char *ccb_console_dead(const CcbConsole *console);

/* The last thing that systemd was seen doing, or NULL: for "not up in time". */
const char *ccb_console_waiting_for(const CcbConsole *console);

/* CcbBootUnit, in order of appearance; belongs to the console. */
const GPtrArray *ccb_console_units(const CcbConsole *console);
const CcbBootUnit *ccb_console_unit(const CcbConsole *console, const char *name); /* or NULL */

/* Sentences about what is no failure in a boot test (char *); belongs to the console. */
const GPtrArray *ccb_console_notes(const CcbConsole *console);

/* The line without escape sequences, other control characters and what a carriage return has
 * overwritten; caller frees. */
char *ccb_console_plain(const char *line);

typedef enum { CCB_ORDER_NOT_SEEN, CCB_ORDER_KEPT, CCB_ORDER_VIOLATED } CcbOrder;

/* Whether `after` began only when `before` was done (started, skipped or failed). */
CcbOrder ccb_console_order(const CcbConsole *console, const char *before, const char *after);
