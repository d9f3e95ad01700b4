/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot test: what GRUB would load from an image is started in QEMU over a throw-away overlay,
 * and the serial console tells whether the system comes up.  The image itself is never written.
 * Firmware and GRUB are not part of it: kernel, initrd and command line are handed to QEMU, with
 * arguments added that make systemd talk.
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

#include "boot/console.h"
#include "boot/source.h"

typedef struct {
    const CcbBootSource *source;
    const char *dir;    /* existing directory for the overlay; the caller removes it */
    const char *log;    /* gets the console as it came; replaced */
    unsigned memory_mb; /* 0: 2048 */
    unsigned limit_s;   /* 0: 300 with KVM, 1200 under emulation */
    unsigned gpus;      /* 1 or 8: the units of such an instance must have been tried; 0: unknown */
    bool nvme;          /* the disk is an NVMe device, not virtio-blk */
} CcbBootOptions;

typedef struct {
    char *unit;
    char *reason;  /* "exit-code", "timeout", "dependency" ..., or NULL */
    bool expected; /* it needs a GPU, and there is none here */
} CcbBootFailure;

typedef struct {
    char *before, *after;
    bool kept;
} CcbBootOrder;

typedef struct {
    char *up;           /* the target that was reached, or NULL */
    char *trouble;      /* why it is not up, or NULL */
    double seconds;     /* until it was up, or until the end */
    bool emulated;      /* no KVM */
    char *kvm;          /* why so */
    GPtrArray *failed;  /* CcbBootFailure */
    GPtrArray *skipped; /* char *: units of the GPU whose conditions were not met */
    GPtrArray *missing; /* char *: units that .gpus demands and that were not tried */
    GPtrArray *orders;  /* CcbBootOrder: those that could be judged */
    GPtrArray *notes;   /* char * */
} CcbBootResult;

/* Errors: CCB_ERR_HOST (QEMU), CCB_ERR_IO, CCB_ERR_CANCELLED.  A system that does not come up is no
 * error: *result. */
bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error);
void ccb_boot_result_clear(CcbBootResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbBootResult, ccb_boot_result_clear)

/* Up, every order kept, nothing missing, and no failure but the expected. */
bool ccb_boot_is_good(const CcbBootResult *result);

/* What the console says, into an empty result; pure, and a step of ccb_boot_run(). */
void ccb_boot_judge(const CcbConsole *console, char *const *gpu_consumers, unsigned gpus,
                    CcbBootResult *ret);

/* The command line of the boot test: the image's own, and what makes systemd talk.  Caller frees.
 */
char *ccb_boot_cmdline(const char *image_cmdline);

json_t *ccb_boot_to_json(const CcbBootResult *result); /* new reference */
