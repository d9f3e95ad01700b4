/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/image.h"

#include <string.h>

#include "base/progress.h"
#include "guest/door.h"
#include "guest/image.h"

CcbDoor ccb_open_door(const char *name, GError **error)
{
    CcbDoor wanted;
    g_autofree char *reason = NULL;
    if (!ccb_door_from_name(name, &wanted, error))
        return CCB_DOOR_AUTO;
    CcbDoor door = ccb_door_choose(wanted, &reason, error);
    if (door == CCB_DOOR_AUTO)
        return door;
    if (g_str_has_prefix(reason, "under emulation"))
        ccb_warn("the image is read %s", reason);
    else
        ccb_progress_line("%-8s %s: %s", "door", ccb_door_name(door), reason);
    return door;
}

static CcbGuest *open_as(const char *path, const char *format, CcbDoor door, GError **error)
{
    return ccb_guest_open(
        &(CcbGuestOptions){
            .image = path, .format = format, .door = door, .read_only = true, .log_fd = -1},
        error);
}

CcbGuest *ccb_open_image(const char *path, CcbDoor door, GError **error)
{
    g_autofree char *format = ccb_image_format(path, error);
    return format != NULL ? open_as(path, format, door, error) : NULL;
}

static bool read_guest(CcbGuest *guest, const CcbReading *r, const char *name, GError **error)
{
    if (*r->snapshot == NULL)
        *r->snapshot = ccb_snapshot_read(guest, name, error);
    return *r->snapshot != NULL &&
           (r->other == NULL || ccb_snapshot_complete(*r->snapshot, guest, r->other, error)) &&
           (r->then == NULL || r->then(*r->snapshot, guest, r->data, error));
}

bool ccb_read_image(CcbDoor door, const CcbReading *r, GError **error)
{
    const char *name = r->name != NULL ? r->name : r->path;
    ccb_progress_begin("read", name, 0);
    g_autoptr(CcbGuest) guest = r->format != NULL ? open_as(r->path, r->format, door, error)
                                                  : ccb_open_image(r->path, door, error);
    if (guest != NULL && read_guest(guest, r, name, error)) {
        ccb_progress_end(NULL);
        return true;
    }
    ccb_progress_abort();
    if (guest != NULL)
        g_prefix_error(error, "image %s: ", name);
    return false;
}
