/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sandbox.h"

#include "guest/backend.h"
#include "image/qemu-img.h"

enum { SCRATCH_SIZE = 1 << 30 }; /* bytes of /tmp, /var/tmp and /run */

CcbGuest *ccb_sandbox_open(void *data, GError **error)
{
    CcbSandbox *s = data;
    g_autofree char *image = g_canonicalize_filename(s->image, NULL);
    g_autofree char *format = s->format ? g_strdup(s->format) : ccb_image_format(image, error);
    s->work = format != NULL ? ccb_work_open(error) : NULL;
    if (s->work == NULL || !ccb_image_create_overlay(s->work->overlay, image, format, error))
        return NULL;
    CcbBackend backend = s->backend == CCB_BACKEND_READER /* it runs no command */
                             ? ccb_backend_choose(CCB_BACKEND_AUTO, NULL, error)
                             : s->backend;
    if (backend == CCB_BACKEND_AUTO)
        return NULL;
    const CcbGuestOptions options = {
        .image = s->work->overlay,
        .format = "qcow2",
        .backend = backend,
        .scratch_dir = s->work->scratch,
        .scratch_size = SCRATCH_SIZE,
        .log_fd = s->log_fd,
    };
    return ccb_guest_open(&options, error);
}

void ccb_sandbox_clear(CcbSandbox *s)
{
    g_clear_pointer(&s->work, ccb_work_free);
}
