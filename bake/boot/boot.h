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
#include <stdbool.h>

#include "boot/bootfiles.h"
#include "boot/firmware.h"
#include "boot/outcome.h"

typedef struct {
    const CcbBootSource *source;
    const CcbFirmware *firmware; /* NULL: the kernel is handed to QEMU */
    const char *dir;             /* the source's, with its overlay in it; the caller removes it */
    const char *log;             /* file for the console, line by line with the time; replaced */
    unsigned memory_mb;          /* 0: 2048 */
    unsigned limit_s;            /* 0: 300 with KVM, 1200 under emulation; no limit for a console */
    unsigned gpus; /* 1 or 8: the units of such an instance must have been tried; 0: unknown */
    bool nvme;     /* the disk is an NVMe device, not virtio-blk */
} CcbBootOptions;

/* Errors: CCB_ERR_HOST (QEMU), CCB_ERR_IO, CCB_ERR_CANCELLED.  A system that does not come up is no error: *ret says so. */
bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error);

/* The console on this terminal (standard input), until the guest switches itself off or Ctrl-A x is typed; nothing is
 * checked.  Errors: as above. */
bool ccb_boot_interactive(const CcbBootOptions *options, GError **error);

/* The command line of the boot test: the image's own, and what makes systemd talk.  Caller frees. */
char *ccb_boot_cmdline(const char *image_cmdline);
