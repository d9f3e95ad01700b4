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

#include "boot/unitnames.h"

/* Descriptions ► unit names (char * to char *). */
typedef GHashTable CcbUnitNames;

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

/* The last that firmware or GRUB reported, or NULL. */
const char *ccb_console_loader(const CcbConsole *console);

/* Those that were spoken of; belongs to the console. */
const CcbBootUnits *ccb_console_units(const CcbConsole *console);

/* Sentences about what is no failure in a boot test (char *); belongs to the console. */
const GPtrArray *ccb_console_notes(const CcbConsole *console);

/* The line without escape sequences, other control characters and what a carriage return has
 * overwritten; caller frees. */
char *ccb_console_plain(const char *line);
