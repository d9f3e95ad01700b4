/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU with an overlay as its disk: no network, no display, no monitor, nothing kept.  Its serial ports are FIFOs in the
 * test's directory: the console, and the journal where the source has CCB_SOURCE_JOURNAL.
 *
 *     CcbMachine machine = CCB_MACHINE_NONE;
 *     bool ok = ccb_machine_start(&machine, options, cmdline, emulated, error) && ...poll() and read...
 *     ccb_machine_end(&machine);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "boot/boot.h"

typedef struct {
    pid_t pid;
    /* Not blocking.  `errors` is QEMU's own output, and at its end when QEMU is gone; the serial ports have no end: a
     * read of 0 bytes says that there is nothing now. */
    int errors, console, journal;
    int input; /* to the console */
} CcbMachine;

#define CCB_MACHINE_NONE                                                                           \
    {                                                                                              \
        .errors = -1, .console = -1, .journal = -1, .input = -1                                    \
    }

/* `cmdline` is for the kernel; with options->firmware it is not used.  Errors: CCB_ERR_HOST, CCB_ERR_IO. */
bool ccb_machine_start(CcbMachine *machine, const CcbBootOptions *options, const char *cmdline,
                       bool emulated, GError **error);
void ccb_machine_end(CcbMachine *machine);
