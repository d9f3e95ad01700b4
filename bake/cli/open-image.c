/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/open-image.h"

#include <string.h>

#include "base/progress.h"
#include "guest/backend.h"
#include "image/qemu-img.h"

CcbBackend ccb_open_backend(const char *name, GError **error)
{
    CcbBackend wanted;
    g_autofree char *reason = NULL;
    if (!ccb_backend_from_name(name, &wanted, error))
        return CCB_BACKEND_AUTO;
    CcbBackend backend = ccb_backend_choose(wanted, &reason, error);
    if (backend == CCB_BACKEND_AUTO)
        return backend;
    if (g_str_has_prefix(reason, "under emulation"))
        ccb_warn("the image is read %s", reason);
    else
        ccb_progress_line("%-8s %s: %s", "backend", ccb_backend_name(backend), reason);
    return backend;
}

CcbBackend ccb_judging_backend(const char *name, GError **error)
{
    CcbBackend wanted;
    if (!ccb_backend_from_name(name, &wanted, error))
        return CCB_BACKEND_AUTO;
    return wanted == CCB_BACKEND_APPLIANCE ? wanted : ccb_backend_choose(wanted, NULL, error);
}

static CcbGuest *open_as(const char *path, const char *format, CcbBackend backend, bool unclean,
                         GError **error)
{
    return ccb_guest_open(&(CcbGuestOptions){.image = path,
                                             .format = format,
                                             .backend = backend,
                                             .read_only = true,
                                             .unclean = unclean,
                                             .log_fd = -1},
                          error);
}

CcbGuest *ccb_open_image(const char *path, CcbBackend backend, GError **error)
{
    g_autofree char *format = ccb_image_format(path, error);
    return format != NULL ? open_as(path, format, backend, false, error) : NULL;
}

CcbGuest *ccb_open_unclean_image(const char *path, CcbBackend backend, GError **error)
{
    g_autofree char *format = ccb_image_format(path, error);
    return format != NULL ? open_as(path, format, backend, true, error) : NULL;
}

bool ccb_with_image(const char *tag, const char *path, CcbBackend backend,
                    bool (*use)(CcbGuest *guest, void *data, GError **error), void *data,
                    GError **error)
{
    ccb_progress_begin(tag, path, 0);
    g_autoptr(CcbGuest) guest = ccb_open_image(path, backend, error);
    if (guest != NULL && use(guest, data, error)) {
        ccb_progress_end(NULL);
        return true;
    }
    ccb_progress_abort();
    if (guest != NULL)
        g_prefix_error(error, "image %s: ", path);
    return false;
}

static const char *name_of(const CcbReading *r)
{
    return r->name != NULL ? r->name : r->path;
}

static bool named(const CcbReading *r, bool ok, GError **error)
{
    if (!ok)
        g_prefix_error(error, "image %s: ", name_of(r));
    return ok;
}

/* Opens an image and reads its tree. */
static CcbGuest *begin_reading(CcbBackend backend, const CcbReading *r, GError **error)
{
    ccb_progress_begin("read", name_of(r), 0);
    g_autoptr(CcbGuest) guest = r->format != NULL
                                    ? open_as(r->path, r->format, backend, false, error)
                                    : ccb_open_image(r->path, backend, error);
    if (guest != NULL)
        *r->snapshot = ccb_snapshot_read(guest, name_of(r), error);
    if (guest != NULL && named(r, *r->snapshot != NULL, error))
        return g_steal_pointer(&guest);
    ccb_progress_abort();
    return NULL;
}

static bool complete(const CcbReading *r, CcbGuest *guest, const CcbReading *other, GError **error)
{
    return named(r, ccb_snapshot_complete(*r->snapshot, guest, *other->snapshot, error), error);
}

/* Hands the open image on; the end of its activity. */
static bool finish_reading(const CcbReading *r, CcbGuest *guest, GError **error)
{
    if (r->then != NULL && !named(r, r->then(*r->snapshot, guest, r->data, error), error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    return true;
}

bool ccb_read_image(CcbBackend backend, const CcbReading *reading, GError **error)
{
    g_autoptr(CcbGuest) guest = begin_reading(backend, reading, error);
    return guest != NULL && finish_reading(reading, guest, error);
}

bool ccb_read_images(CcbBackend backend, const CcbReading *a, const CcbReading *b, GError **error)
{
    g_autoptr(CcbGuest) first = begin_reading(backend, a, error);
    if (first == NULL || !finish_reading(a, first, error))
        return false;
    g_autoptr(CcbGuest) second = begin_reading(backend, b, error);
    if (second == NULL)
        return false;
    if (!complete(a, first, b, error) || !complete(b, second, a, error)) {
        ccb_progress_abort();
        return false;
    }
    return finish_reading(b, second, error);
}
