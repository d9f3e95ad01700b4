/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend in a process of its own, which is locked in before it parses the first byte of the image.  The operations that
 * read are passed on to it, over a socket; its answers are not trusted to be well-formed.  It ends with us.
 */
#pragma once

#include "guest/backend.h"

/* What the process runs: opens what it needs in `prepare`, is locked in, and parses in `open`.  *ret_foreign (caller frees) is
 * set with an error where another backend may read the image: why this one doesn't.  Nothing is freed: the process ends. */
typedef struct {
    const CcbGuestOps *ops;
    void *(*prepare)(const CcbGuestOptions *options, char **ret_foreign, GError **error);
    bool (*open)(void *backend, char **ret_foreign, GError **error);
} CcbRemoteBackend;

/* The operations, for what ccb_remote_open() returns.  *ret_foreign: as there.  Errors: those of the backend;
 * CCB_ERR_HOST (no process), CCB_ERR_INPUT (the process ended, by a limit or by a fault: the image is not sound). */
extern const CcbGuestOps ccb_remote_ops;
void *ccb_remote_open(const CcbRemoteBackend *backend, const CcbGuestOptions *options,
                      char **ret_foreign, GError **error);

/* By libext2fs over our own readers of disk images (backend-reader.c). */
extern const CcbRemoteBackend ccb_reader;
