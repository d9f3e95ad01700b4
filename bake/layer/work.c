/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/work.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/reaper.h"

static bool make_scratch(const CcbWork *work, GError **error)
{
    if (mkdir(work->scratch, 0700) != 0 || chmod(work->scratch, 01777) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", work->scratch);
    return true;
}

CcbWork *ccb_work_open(GError **error)
{
    g_autofree char *parent = ccb_cache_room("work", error);
    if (parent == NULL || !ccb_reaper_start(error))
        return NULL;
    g_autofree char *pattern = g_build_filename(parent, "*", NULL);
    g_autofree char *dir = ccb_reaper_mkdir(pattern, 0700, error);
    if (dir == NULL)
        return NULL;
    g_autoptr(CcbWork) work = g_new0(CcbWork, 1);
    work->scratch = g_build_filename(dir, "scratch", NULL);
    work->overlay = g_build_filename(dir, "overlay.qcow2", NULL);
    work->dir = g_steal_pointer(&dir);
    return make_scratch(work, error) ? g_steal_pointer(&work) : NULL;
}

void ccb_work_free(CcbWork *work)
{
    if (work == NULL)
        return;
    if (ccb_remove_tree(work->dir, NULL)) /* what could not be removed, the reaper tries again */
        ccb_reaper_release(work->dir);
    g_free(work->dir);
    g_free(work->scratch);
    g_free(work->overlay);
    g_free(work);
}

bool ccb_work_clear_scratch(CcbWork *work, GError **error)
{
    return ccb_remove_tree(work->scratch, error) && make_scratch(work, error);
}
