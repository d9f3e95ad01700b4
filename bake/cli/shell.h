/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shell for the user in an image that is open. */
#pragma once

#include "guest/guest.h"

/* Whether the backend has a terminal for a shell.  `wish` is what the user asked for, as "--shell-on-error".  Errors:
 * CCB_ERR_HOST. */
bool ccb_shell_check(const char *wish, CcbBackend backend, GError **error);

/* Says what the shell finds, and runs it on our terminal until the user ends it; `name` is for its prompt.  Errors: as
 * ccb_guest_shell(). */
bool ccb_shell_run(CcbGuest *guest, const char *name, int *ret_status, GError **error);
