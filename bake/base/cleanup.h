/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cleanup at the end of the scope, in the manner of g_autofree:
 *
 *     ccb_autofd int fd = open(...);        closed at the end of the scope, errno kept
 *     return ccb_steal_fd(&fd);             ... unless it is handed on
 *     ccb_autofree char *text = json_dumps(...);      freed with free(3)
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define ccb_autofd   __attribute__((cleanup(ccb_close_fd)))
#define ccb_autofree __attribute__((cleanup(ccb_free_at)))

/* `pointer`: the address of a pointer to memory of malloc(3). */
static inline void ccb_free_at(void *pointer)
{
    free(*(void **)pointer);
}

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
