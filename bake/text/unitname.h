/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of systemd's units: systemd.unit(5). */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum { CCB_UNIT_NAME_MAX = 255 }; /* bytes: UNIT_NAME_MAX of systemd, less the NUL */

/* Whether a file name ends as units do: ".service" and so on, with something before it. */
bool ccb_unit_has_type(const char *name);

/* Whether systemd takes it as the name of a unit: a type, no other characters than it knows, 255 bytes. */
bool ccb_unit_name_is_valid(const char *name);

/* "a@.service" of "a@x.service"; NULL for what is no instance.  Caller frees. */
char *ccb_unit_template(const char *name);
