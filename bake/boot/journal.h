/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's own journal, as `journalctl --output=json` writes it, entry by entry: what PID 1 says of its units, by
 * message id and unit, not by its sentences.
 *
 *     g_autoptr(CcbJournal) journal = ccb_journal_new("multi-user.target");
 *     while (...)
 *         ccb_journal_line(journal, line);
 *
 * The guest is not trusted: what is no entry is counted and left out, and what is kept has bounds.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "boot/unitstate.h"

/* The fields that are read, for --output-fields= (systemd 236 or later). */
#define CCB_JOURNAL_FIELDS                                                                         \
    "MESSAGE,MESSAGE_ID,UNIT,UNIT_RESULT,JOB_RESULT,EXIT_CODE,EXIT_STATUS,_PID,_SYSTEMD_UNIT"

typedef struct {
    CcbBootUnits units;
    char *target;      /* the image's default target, or NULL */
    char *up;          /* the target that says that the system is up, or NULL */
    char *waiting_for; /* the last unit that was begun, or NULL */
    bool settled;      /* up, and systemd has no job left */
    unsigned entries;  /* how many were read */
    unsigned rejected; /* lines that were no entry, or one too many */
    bool gaps;         /* journald says itself that it has dropped some */
} CcbJournal;

CcbJournal *ccb_journal_new(const char *target);
void ccb_journal_free(CcbJournal *journal); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbJournal, ccb_journal_free)

void ccb_journal_line(CcbJournal *journal, const char *line);
