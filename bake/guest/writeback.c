/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/writeback.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { PAUSE_US = 400 * 1000 };

struct CcbWriteback {
    int fd; /* one for all: the kernel reports an error of the file system once */
    int error;
    bool stop;
    GMutex lock;
    GCond wake;
    GThread *thread;
};

static void sync_once(CcbWriteback *w)
{
    if (syncfs(w->fd) != 0 && w->error == 0)
        w->error = errno;
}

static gpointer run(gpointer data)
{
    CcbWriteback *w = data;
    g_mutex_lock(&w->lock);
    for (;;) {
        gint64 until = g_get_monotonic_time() + PAUSE_US;
        while (!w->stop && g_cond_wait_until(&w->wake, &w->lock, until))
            ; /* woken for nothing */
        if (w->stop)
            break;
        g_mutex_unlock(&w->lock);
        sync_once(w);
        g_mutex_lock(&w->lock);
    }
    g_mutex_unlock(&w->lock);
    return NULL;
}

CcbWriteback *ccb_writeback_start(const char *root, GError **error)
{
    ccb_autofd int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "opening the guest's root");
        return NULL;
    }
    CcbWriteback *w = g_new0(CcbWriteback, 1);
    w->fd = ccb_steal_fd(&fd);
    g_mutex_init(&w->lock);
    g_cond_init(&w->wake);
    w->thread = g_thread_new("writeback", run, w);
    return w;
}

bool ccb_writeback_finish(CcbWriteback *w, GError **error)
{
    if (w == NULL)
        return true;
    g_mutex_lock(&w->lock);
    w->stop = true;
    g_cond_signal(&w->wake);
    g_mutex_unlock(&w->lock);
    g_thread_join(w->thread);
    sync_once(w);
    int reason = w->error;
    ccb_close_fd(&w->fd);
    g_mutex_clear(&w->lock);
    g_cond_clear(&w->wake);
    g_free(w);
    errno = reason;
    return reason == 0 || ccb_fail_errno(error, CCB_ERR_IO, "writing the guest's file system back");
}
