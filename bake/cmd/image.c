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

CcbGuest *ccb_open_image(const char *path, CcbDoor door, GError **error)
{
    g_autofree char *format = ccb_image_format(path, error);
    if (format == NULL)
        return NULL;
    return ccb_guest_open(
        &(CcbGuestOptions){
            .image = path, .format = format, .door = door, .read_only = true, .log_fd = -1},
        error);
}
