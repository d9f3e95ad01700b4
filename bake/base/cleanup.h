/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound file descriptors, in the manner of g_autofree:
 *
 *     ccb_autofd int fd = open(...);        closed at the end of the scope, errno kept
 *     return ccb_steal_fd(&fd);             ... unless it is handed on
 */
#pragma once

#include <errno.h>
#include <unistd.h>

#define ccb_autofd __attribute__((cleanup(ccb_close_fd)))

static inline void ccb_close_fd(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

static inline int ccb_steal_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
