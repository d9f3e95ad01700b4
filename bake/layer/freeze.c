/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/freeze.h"

#include <sys/file.h>

#include "base/cleanup.h"

struct CcbFreezing {
    CcbLayer *layer;
    CcbLayerBase base;
    int lock;
    GThread *thread;
    GError *error;
};

/* Others who wait for the layer go on as soon as it is there, and not only when our next step has
 * ended. */
static gpointer publish(gpointer data)
{
    CcbFreezing *f = data;
    bool ok = ccb_layer_publish(f->layer, &f->base, &f->error);
    if (ok)
        flock(f->lock, LOCK_SH);
    return GINT_TO_POINTER(ok);
}

CcbFreezing *ccb_freeze_start(CcbLayer *layer, const CcbLayerBase *base, int lock)
{
    CcbFreezing *f = g_new0(CcbFreezing, 1);
    *f = (CcbFreezing){.layer = layer, .base = *base, .lock = lock};
    f->thread = g_thread_new("freeze", publish, f);
    return f;
}

CcbLayer *ccb_freeze_finish(CcbFreezing *f, int *ret_lock, GError **error)
{
    CcbLayer *layer = f->layer;
    if (GPOINTER_TO_INT(g_thread_join(f->thread))) {
        *ret_lock = f->lock;
    } else {
        ccb_close_fd(&f->lock);
        g_clear_pointer(&layer, ccb_layer_free);
        g_propagate_error(error, f->error);
    }
    g_free(f);
    return layer;
}
