/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/inject.h"

#include <string.h>

#include "base/error.h"
#include "boot/journal.h"

#define UNITS      "/etc/systemd/system/"
#define JOURNALCTL "/usr/bin/journalctl"

/*
 * Type=simple: it is started as soon as it is forked, so that systemd's "Startup finished" does not wait for it.
 * Without the kernel's messages, which are on the console.  IgnoreOnIsolate=: it goes on in emergency mode.
 */
static const char journal_unit[] =
    "[Unit]\n"
    "Description=The journal for ccbake boot\n"
    "DefaultDependencies=no\n"
    "After=systemd-journald.service systemd-journal-flush.service\n"
    "IgnoreOnIsolate=yes\n"
    "[Service]\n"
    "ExecStart=" JOURNALCTL " --boot --follow --no-tail --output=json"
    " --output-fields=" CCB_JOURNAL_FIELDS
    " _TRANSPORT=journal + _TRANSPORT=stdout + _TRANSPORT=syslog\n"
    "StandardInput=null\n"
    "StandardOutput=file:/dev/ttyS1\n"
    "StandardError=null\n"
    "Nice=10\n";

static const char login_dropin[] =
    "[Service]\n"
    "ExecStart=\n"
    "ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 %I $TERM\n";

static bool write_unit(CcbGuest *guest, const char *path, const char *text, GError **error)
{
    return ccb_guest_write(guest, path, text, strlen(text), 0644, 0, 0, error);
}

bool ccb_inject_journal(CcbGuest *guest, GError **error)
{
    if (!ccb_guest_exists(guest, JOURNALCTL))
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no " JOURNALCTL);
    return write_unit(guest, UNITS CCB_BOOT_JOURNAL_UNIT, journal_unit, error) &&
           ccb_guest_mkdir(guest, UNITS "sysinit.target.wants", 0755, 0, 0, error) &&
           ccb_guest_symlink(guest, "../" CCB_BOOT_JOURNAL_UNIT,
                             UNITS "sysinit.target.wants/" CCB_BOOT_JOURNAL_UNIT, error);
}

bool ccb_inject_login(CcbGuest *guest, GError **error)
{
    return write_unit(guest, UNITS "serial-getty@ttyS0.service.d/ccbake.conf", login_dropin, error);
}
