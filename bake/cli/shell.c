/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/shell.h"

#include <stdio.h>

#include "base/error.h"

bool ccb_shell_check(const char *wish, CcbBackend backend, GError **error)
{
    if (backend == CCB_BACKEND_HOST)
        return true;
    ccb_fail(error, CCB_ERR_HOST,
             "%s needs the host backend: libguestfs's appliance has no terminal for a shell", wish);
    return ccb_hint(error, "add --backend=host (as root), if you trust the image");
}

bool ccb_shell_run(CcbGuest *guest, const char *name, int *ret_status, GError **error)
{
    static const char bash[] = "/bin/bash";
    const char *argv[] = {ccb_guest_exists(guest, bash) ? bash : "/bin/sh", NULL};
    const char *terminal = g_getenv("TERM");
    g_autofree char *term = g_strconcat("TERM=", terminal ? terminal : "dumb", NULL);
    g_autofree char *prompt = g_strdup_printf("PS1=[%s] \\w \\$ ", name);
    const char *env[] = {term, prompt, NULL};
    CcbCommand command = {.argv = argv, .env = env};
    printf("Payloads are in " CCB_PAYLOAD_DIR "; /tmp, /var/tmp and /run are scratch space.  "
           "Nothing that you change is kept.\n");
    fflush(stdout);
    if (!ccb_guest_shell(guest, &command, error))
        return false;
    *ret_status = command.ret_status;
    return true;
}
