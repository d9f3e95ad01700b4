/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A throw-away copy of an image for the commands of a recipe's checks: an overlay that is made when the first command
 * needs it.  The image itself is not written.
 *
 *     g_auto(CcbSandbox) sandbox = {.image = path, .format = "qcow2", .backend = backend, .log_fd = -1};
 *     const CcbCheckSandbox commands = {ccb_sandbox_open, &sandbox};
 */
#pragma once

#include "guest/guest.h"
#include "layer/work.h"

typedef struct {
    const char *image, *format; /* `format` NULL: it is probed */
    CcbBackend backend;
    int log_fd; /* gets what the commands say; -1: none */
    CcbWork *work;
} CcbSandbox;

/* `data` is a CcbSandbox, and has to outlive the guest.  Errors: as of ccb_guest_open(); CCB_ERR_IO. */
CcbGuest *ccb_sandbox_open(void *data, GError **error);

void ccb_sandbox_clear(CcbSandbox *sandbox);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbSandbox, ccb_sandbox_clear)
