/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a booting guest, read line by line, for what the journal can't tell: that firmware, boot loader
 * or kernel gave up, an emergency shell, and how far a boot came before its journal could be handed out.  Where the
 * journal does not come at all, the console has to do: whether the system came up, and which units failed.
 *
 *     g_autoptr(CcbConsole) console = ccb_console_new("multi-user.target");
 *     while (...)
 *         ccb_console_line(console, line);
 *
 * It understands the messages of systemd 239 to 252, as status lines ("[  OK  ] Reached target X.") and as journal that
 * is forwarded to the console ("systemd[1]: Reached target X.").  239 has descriptions where later ones have names.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "boot/unitstate.h"

typedef struct {
    char *target;       /* the image's default target, or NULL */
    CcbBootUnits units; /* those that failed, by name */
    char *up;           /* the target that says that the system is up, or NULL */
    bool
        login; /* somebody may log in: a sign of a system that is up, but a late service may still start */
    bool settled; /* up, and systemd has no job left */
    char
        *dead; /* why this boot can't come up any more (a panic, an emergency shell ...); or NULL */
    char *waiting_for; /* what systemd began last, or NULL */
    char *loader;      /* the last report of firmware or GRUB, or NULL */
    bool no_swiotlb;   /* the kernel could not allocate the swiotlb buffer of its command line */
} CcbConsole;

/* `target` is the image's default target, or NULL. */
CcbConsole *ccb_console_new(const char *target);
void ccb_console_free(CcbConsole *console); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbConsole, ccb_console_free)

/* One line as it came, with escape sequences and carriage returns. */
void ccb_console_line(CcbConsole *console, const char *line);

/* The line without escape sequences, other control characters and what a carriage return has overwritten; caller frees. */
char *ccb_console_plain(const char *line);
