/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that look at an image begin with. */
#pragma once

#include "guest/guest.h"

/* The door of a --door option, with a line that says which and why; AUTO on error. */
CcbDoor ccb_open_door(const char *name, GError **error);

/* Any image that ccbake reads, read-only. */
CcbGuest *ccb_open_image(const char *path, CcbDoor door, GError **error);
