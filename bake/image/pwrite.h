/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>
#include <unistd.h>

#include "base/error.h"

/* pwrite(2) until all is written; `name` is for messages.  Errors: CCB_ERR_IO. */
static inline bool ccb_pwrite_all(int fd, const char *name, uint64_t offset, const void *data,
                                  size_t size, GError **error)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t done = pwrite(fd, at, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", name);
        at += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return true;
}
