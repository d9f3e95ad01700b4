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

CcbDoor ccb_judging_door(const char *name, GError **error)
{
    CcbDoor wanted;
    if (!ccb_door_from_name(name, &wanted, error))
        return CCB_DOOR_AUTO;
    return wanted == CCB_DOOR_APPLIANCE ? wanted : ccb_door_choose(wanted, NULL, error);
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

typedef bool (*UseGuest)(CcbGuest *guest, void *data, GError **error);

/* `format` is NULL for an image from outside, which is probed; `name` is for people. */
static bool with_image(const char *tag, const char *path, const char *format, const char *name,
                       CcbDoor door, UseGuest use, void *data, GError **error)
{
    ccb_progress_begin(tag, name, 0);
    g_autoptr(CcbGuest) guest =
        format != NULL ? open_as(path, format, door, error) : ccb_open_image(path, door, error);
    if (guest != NULL && use(guest, data, error)) {
        ccb_progress_end(NULL);
        return true;
    }
    ccb_progress_abort();
    if (guest != NULL)
        g_prefix_error(error, "image %s: ", name);
    return false;
}

bool ccb_with_image(const char *tag, const char *path, CcbDoor door, UseGuest use, void *data,
                    GError **error)
{
    return with_image(tag, path, NULL, path, door, use, data, error);
}

static const char *name_of(const CcbReading *r)
{
    return r->name != NULL ? r->name : r->path;
}

static bool read_guest(CcbGuest *guest, void *data, GError **error)
{
    const CcbReading *r = data;
    if (*r->snapshot == NULL)
        *r->snapshot = ccb_snapshot_read(guest, name_of(r), error);
    return *r->snapshot != NULL &&
           (r->other == NULL || ccb_snapshot_complete(*r->snapshot, guest, r->other, error)) &&
           (r->then == NULL || r->then(*r->snapshot, guest, r->data, error));
}

bool ccb_read_image(CcbDoor door, const CcbReading *reading, GError **error)
{
    CcbReading copy = *reading;
    return with_image("read", reading->path, reading->format, name_of(reading), door, read_guest,
                      &copy, error);
}
