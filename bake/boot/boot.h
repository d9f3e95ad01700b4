/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot test: an image is started in QEMU over a throw-away overlay, and the guest's own journal (on the second
 * serial port) and console (on the first) tell whether the system comes up.  The image itself is never written.
 *
 * The kernel, initrd and command line that GRUB would load are handed to QEMU, with arguments added that make systemd
 * talk; or firmware starts, and everything is the image's own: its ESP, boot loader and command line.
 *
 *     CcbBootOptions options = {.source = source, .dir = dir, .log = "x.boot.log"};
 *     g_auto(CcbBootResult) result = {0};
 *     if (!ccb_boot_run(&options, &result, error))      the test could not be made
 *         return false;
 *     if (!ccb_boot_is_good(&result)) ...               the test was made: the image is not right
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "boot/bootfiles.h"
#include "boot/console.h"
#include "boot/firmware.h"
#include "boot/journal.h"

typedef struct {
    const CcbBootSource *source;
    const CcbFirmware *firmware; /* NULL: the kernel is handed to QEMU */
    const char *dir;    /* that of the source, where its overlay is; the caller removes it */
    const char *log;    /* gets the console, line by line with the time; replaced */
    unsigned memory_mb; /* 0: 2048 */
    unsigned limit_s;   /* 0: 300 with KVM, 1200 under emulation; no limit for a console */
    unsigned gpus;      /* 1 or 8: the units of such an instance must have been tried; 0: unknown */
    bool nvme;          /* the disk is an NVMe device, not virtio-blk */
} CcbBootOptions;

typedef struct {
    char *unit;
    char *reason; /* "exit-code", "timeout", "dependency" ..., or NULL */
    char *why;    /* expected: what it needs a GPU for, as there is none here; NULL: not expected */
    GPtrArray *lines; /* char *: its last in the journal; empty without one */
} CcbBootFailure;

typedef struct {
    char *before, *after;
    bool kept;
    /* Seconds of the guest's clock, from its journal: when `before` was done, and `after` begun; 0: not known. */
    double done, began;
} CcbBootOrder;

typedef struct {
    char *up;               /* the target that was reached, or NULL */
    char *trouble;          /* why it is not up, or NULL */
    double seconds;         /* until it was up, or until the end */
    bool emulated;          /* no KVM */
    char *kvm;              /* why so */
    bool judged_by_journal; /* not by the console's text alone */
    unsigned entries;       /* of the journal */
    GPtrArray *failed;      /* CcbBootFailure */
    GPtrArray *skipped;     /* char *: units of the GPU whose conditions were not met */
    GPtrArray *missing;     /* char *: units that .gpus demands and that were not tried */
    GPtrArray *orders;      /* CcbBootOrder: those that could be judged */
    GPtrArray
        *unjudged;    /* CcbBootOrder, ends only: demanded of what came up, but not seen of both */
    GPtrArray *notes; /* char * */
} CcbBootResult;

/* Errors: CCB_ERR_HOST (QEMU), CCB_ERR_IO, CCB_ERR_CANCELLED.  A system that does not come up is no
 * error: *result. */
bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error);

/* The console on this terminal (standard input), until the guest switches itself off or Ctrl-A x is typed; no verdict.
 * Errors: as above. */
bool ccb_boot_interactive(const CcbBootOptions *options, GError **error);

void ccb_boot_result_clear(CcbBootResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbBootResult, ccb_boot_result_clear)

/* Up, every order kept, nothing missing, and no failure but the expected. */
bool ccb_boot_is_good(const CcbBootResult *result);

/* What a boot is judged by. */
typedef struct {
    const CcbConsole *console;
    const CcbJournal *journal;  /* NULL: it could not be had */
    char *const *gpu_consumers; /* as in CcbBootSource; NULL: none */
    GHashTable *gpu_requirers;  /* as in CcbBootSource; NULL: none */
    unsigned gpus;
} CcbBootEvidence;

/* Into an empty result; pure, and a step of ccb_boot_run(). */
void ccb_boot_judge(const CcbBootEvidence *evidence, CcbBootResult *ret);

/* The command line of the boot test: the image's own, and what makes systemd talk.  Caller frees. */
char *ccb_boot_cmdline(const char *image_cmdline);

json_t *ccb_boot_to_json(const CcbBootResult *result); /* new reference */
