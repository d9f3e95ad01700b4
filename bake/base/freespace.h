/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted of the host's file systems, before anything is written to them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *what, *directory; /* an existing directory of the host */
    uint64_t bytes;
} CcbSpaceNeed;

/* Refuses where a file system of the host has less free space than is needed in its directories
 * together.  Errors: CCB_ERR_HOST, with figures. */
bool ccb_free_space_check(const CcbSpaceNeed *needs, guint n, GError **error);
