/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: one GError domain, whose codes are the exit codes of the process.
 *
 * 1. The function that finds the fault sets it:   return ccb_fail(error, CCB_ERR_IO, "%s: %s", ...);
 * 2. A caller adds where it happened:             g_prefix_error(error, "step 3 (units): ");
 * 3. Who knows the remedy adds it, once:          ccb_hint(error, "run `ccbake lock %s`", ...);
 * 4. main prints it, outermost context first, and exits with ccb_exit_code(error).
 *
 * Library code never prints.  A function that returns false or NULL has set the error; out-parameters (ret_...) are
 * untouched then.
 */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

#define CCB_ERROR (ccb_error_quark())

/* The values are the documented exit codes in ccbake(1); never renumber. */
typedef enum {
    CCB_ERR_INTERNAL = 1,   /* a bug, or out of memory */
    CCB_ERR_USAGE = 2,      /* the command line is wrong */
    CCB_ERR_RECIPE = 3,     /* the recipe or its lock is wrong */
    CCB_ERR_INPUT = 4,      /* the base image or a payload is missing, corrupt or unsuitable */
    CCB_ERR_HOST = 5,       /* this host lacks a capability, a tool or space */
    CCB_ERR_FETCH = 6,      /* a download failed, or its digest is not the pinned one */
    CCB_ERR_STEP = 7,       /* a step of the bake failed inside the guest */
    CCB_ERR_CHECK = 8,      /* the image was read, and it is not right */
    CCB_ERR_IO = 9,         /* reading or writing a file of the host failed */
    CCB_ERR_BUSY = 10,      /* another ccbake works on the same output */
    CCB_ERR_PROBLEM = 11,   /* the plan shows that the image could not be right */
    CCB_ERR_CANCELLED = 130 /* SIGINT or SIGTERM; 128 + SIGINT by shell convention */
} CcbErrorCode;

GQuark ccb_error_quark(void);

/* Sets *error and returns false, so that a failing path is one line. */
bool ccb_fail(GError **error, CcbErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* As ccb_fail(), with ": strerror(errno)" appended. */
bool ccb_fail_errno(GError **error, CcbErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Appends "\nhint: ..." to an error that is set; does nothing without one.  Returns false. */
bool ccb_hint(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* An error without a message: a command that the user gave ended with this status, and has said what there is to say. */
bool ccb_fail_silently(GError **error, int status);

/* The exit code for an error; CCB_ERR_INTERNAL for foreign domains. */
int ccb_exit_code(const GError *error);
