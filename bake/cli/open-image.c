/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/open-image.h"

#include <string.h>

#include "base/digest.h"
#include "base/progress.h"
#include "guest/backend.h"
#include "image/qemu-img.h"

CcbBackend ccb_choose_backend(const char *name, const char *activity, GError **error)
{
    static bool is_said; /* once is enough: a bake also reads images */
    CcbBackend wanted;
    g_autofree char *reason = NULL;
    if (!ccb_backend_from_name(name, &wanted, error))
        return CCB_BACKEND_AUTO;
    CcbBackend backend = ccb_backend_choose(wanted, &reason, error);
    if (backend == CCB_BACKEND_AUTO || activity == NULL || is_said)
        return backend;
    is_said = true;
    if (g_str_has_prefix(reason, "under emulation"))
        ccb_warn("%s %s", activity, reason);
    else
        ccb_progress_line("%-8s %s: %s", "backend", ccb_backend_name(backend), reason);
    return backend;
}

CcbBackend ccb_open_backend(const char *name, GError **error)
{
    return strcmp(name, "auto") == 0 ? CCB_BACKEND_READER : ccb_choose_backend(name, NULL, error);
}

/* `format` NULL: it is probed. */
static CcbGuest *open_as(const char *path, const char *format, CcbBackend backend, bool unclean,
                         GError **error)
{
    g_autofree char *probed = format == NULL ? ccb_image_format(path, error) : NULL;
    if (format == NULL && probed == NULL)
        return NULL;
    const CcbGuestOptions options = {
        .image = path,
        .format = format != NULL ? format : probed,
        .backend = backend,
        .read_only = true,
        .unclean = unclean,
        .log_fd = -1,
    };
    return ccb_guest_open(&options, error);
}

CcbGuest *ccb_open_image(const char *path, CcbBackend backend, GError **error)
{
    return open_as(path, NULL, backend, false, error);
}

CcbGuest *ccb_open_unclean_image(const char *path, CcbBackend backend, GError **error)
{
    return open_as(path, NULL, backend, true, error);
}

char *ccb_digest_image(const char *path, GError **error)
{
    g_autofree char *format = ccb_image_format(path, error); /* what is no image needs no digest */
    if (format == NULL)
        return NULL;
    ccb_progress_begin("digest", path, 0);
    char *sha256 = ccb_digest_file_once(path, error);
    if (sha256 != NULL)
        ccb_progress_end(NULL);
    else
        ccb_progress_abort();
    return sha256;
}

static const char *name_of(const CcbReading *r)
{
    return r->name != NULL ? r->name : r->path;
}

/* Ends the activity; says which image the error is of. */
static bool fail(const CcbReading *r, GError **error)
{
    g_prefix_error(error, "image %s: ", name_of(r));
    ccb_progress_abort();
    return false;
}

/* Opens an image and reads its tree. */
static CcbGuest *begin_reading(CcbBackend backend, const CcbReading *r, GError **error)
{
    ccb_progress_begin("read", name_of(r), 0);
    g_autoptr(CcbGuest) guest = open_as(r->path, r->format, backend, false, error);
    if (guest == NULL) {
        ccb_progress_abort();
        return NULL;
    }
    *r->snapshot = ccb_snapshot_read(guest, name_of(r), error);
    if (*r->snapshot == NULL) {
        fail(r, error);
        return NULL;
    }
    return g_steal_pointer(&guest);
}

/* Passes the open image on; ends the activity. */
static bool finish_reading(const CcbReading *r, CcbGuest *guest, GError **error)
{
    if (r->then != NULL && !r->then(*r->snapshot, guest, r->data, error))
        return fail(r, error);
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
    if (!ccb_snapshot_complete(*a->snapshot, first, *b->snapshot, error))
        return fail(a, error);
    if (!ccb_snapshot_complete(*b->snapshot, second, *a->snapshot, error))
        return fail(b, error);
    return finish_reading(b, second, error);
}

CcbDiff *ccb_compare_images(CcbBackend backend, const char *a, const char *b, GError **error)
{
    g_autoptr(CcbSnapshot) snapshot_a = NULL;
    g_autoptr(CcbSnapshot) snapshot_b = NULL;
    const CcbReading first = {.path = a, .snapshot = &snapshot_a};
    const CcbReading second = {.path = b, .snapshot = &snapshot_b};
    if (!ccb_read_images(backend, &first, &second, error))
        return NULL;
    return ccb_diff_new(snapshot_a, snapshot_b);
}
