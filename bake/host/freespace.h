/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted of the host's file systems, before anything is written to them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Free bytes of the file system that `path` is on, or will be.  Errors: CCB_ERR_HOST. */
bool ccb_free_bytes(const char *path, uint64_t *ret, GError **error);

typedef struct {
    const char *what, *directory; /* an existing directory of the host */
    uint64_t bytes;
} CcbSpaceNeed;

/* Refuses where a file system of the host has less free space than is needed in its directories
 * together.  Errors: CCB_ERR_HOST, with figures. */
bool ccb_free_space_check(const CcbSpaceNeed *needs, guint n, GError **error);

/* Whether that of the directory is full; then the error is one of CCB_ERR_IO, and says so.  All that
 * a guest's kernel, and so its programs, are told of a full disk of ours is an input/output error. */
bool ccb_free_space_blame(const char *directory, GError **error);
