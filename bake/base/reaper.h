/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small process that outlives ccbake by a moment and removes what a SIGKILL would leave behind: work directories,
 * unfinished outputs, children of children.  It holds one end of a pipe, and acts when the other end closes, however we die.
 *
 *     ccb_reaper_start(error)         early in a verb that makes temporary files, before any thread
 *     ccb_reaper_watch(path)          this goes when we go
 *     ccb_reaper_release(path)        ... no longer: it is published, or already removed
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

bool ccb_reaper_start(GError **error);

/* Creates a directory of a new name, which is watched before it is there: the last "*" of the
 * pattern becomes what makes it unique.  Caller frees the name.  Errors: CCB_ERR_IO. */
char *ccb_reaper_mkdir(const char *pattern, int mode, GError **error);

void ccb_reaper_watch(const char *path);
void ccb_reaper_release(const char *path);

/* Who of a child's process group is still there when we go is killed.  The child itself goes with us
 * (PR_SET_PDEATHSIG), and bubblewrap's does; but one that was just being started waits for ever. */
void ccb_reaper_watch_group(pid_t group);
void ccb_reaper_release_group(pid_t group);
