/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/bootfiles.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "boot/journal.h"
#include "boot/unitfiles.h"
#include "guest/facts.h"
#include "guest/guest.h"
#include "image/qemu-img.h"

#define JOURNALCTL "/usr/bin/journalctl"
#define UNITS      "/etc/systemd/system/"

void ccb_boot_source_free(CcbBootSource *source)
{
    if (source == NULL)
        return;
    g_free(source->image);
    g_free(source->overlay);
    g_free(source->entry);
    g_free(source->kernel);
    g_free(source->initrd);
    g_free(source->cmdline);
    g_free(source->target);
    g_strfreev(source->gpu_consumers);
    g_clear_pointer(&source->gpu_requirers, g_hash_table_unref);
    g_free(source->units_unread);
    g_free(source->not_injected);
    g_free(source);
}

/* --- what GRUB would load */

/* Appends files of the guest to one of the host: GRUB concatenates several initrds, too. */
static bool download(CcbGuest *guest, const char *paths, const char *to, GError **error)
{
    g_auto(GStrv) list = g_strsplit(paths, " ", -1);
    ccb_autofd int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", to);
    for (char **path = list; *path; path++)
        if (!ccb_guest_download(guest, *path, fd, error))
            return false;
    return true;
}

static bool read_boot_files(CcbGuest *guest, const CcbBootEntry *entry, const char *dir,
                            CcbBootSource *source, GError **error)
{
    if (entry->kernel == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: the boot entry names no kernel (linux)",
                        entry->path);
    source->kernel = g_build_filename(dir, "vmlinuz", NULL);
    if (!download(guest, entry->kernel, source->kernel, error))
        return false;
    if (entry->initrd == NULL)
        return true;
    source->initrd = g_build_filename(dir, "initramfs.img", NULL);
    return download(guest, entry->initrd, source->initrd, error);
}

/* --- what is added to the overlay: through the guest interface, so that it works whatever starts the kernel, and with
 * the systemd of el8 (239), which takes no units from the kernel's command line. */

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
    return ccb_guest_write(guest, path, text, strlen(text), &ccb_file_attr, error);
}

static bool inject_journal(CcbGuest *guest, GError **error)
{
    if (!ccb_guest_exists(guest, JOURNALCTL))
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no " JOURNALCTL);
    return write_unit(guest, UNITS CCB_BOOT_JOURNAL_UNIT, journal_unit, error) &&
           ccb_guest_mkdir(guest, UNITS "sysinit.target.wants", &ccb_directory_attr, error) &&
           ccb_guest_symlink(guest, "../" CCB_BOOT_JOURNAL_UNIT,
                             UNITS "sysinit.target.wants/" CCB_BOOT_JOURNAL_UNIT, &ccb_file_attr,
                             error);
}

static bool inject_login(CcbGuest *guest, GError **error)
{
    return write_unit(guest, UNITS "serial-getty@ttyS0.service.d/ccbake.conf", login_dropin, error);
}

/* --- all of it */

static bool read_from_guest(CcbGuest *guest, const char *dir, CcbSourceFlags flags,
                            CcbBootSource *source, GError **error)
{
    g_autoptr(CcbFacts) facts = ccb_facts_without_packages(guest, error);
    if (facts == NULL)
        return false;
    const CcbBootEntry *entry = ccb_facts_default_entry(facts);
    /* The firmware's GRUB shows for itself what it does. */
    if (flags & CCB_SOURCE_KERNEL && facts->boot_problem != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "it can't be told what GRUB starts: %s",
                 facts->boot_problem);
        return ccb_hint(error, "ccbake boot --firmware=uefi lets GRUB itself decide");
    }
    source->entry = ccb_name_printable(entry->id);
    source->cmdline = g_strdup(entry->cmdline);
    if (flags & CCB_SOURCE_KERNEL && !read_boot_files(guest, entry, dir, source, error))
        return false;
    ccb_boot_read_units(guest, source);
    /* A boot without what is injected still shows something, so failing there is no error. */
    g_autoptr(GError) problem = NULL;
    if ((flags & CCB_SOURCE_JOURNAL && !inject_journal(guest, &problem)) ||
        (flags & CCB_SOURCE_LOGIN && !inject_login(guest, &problem)))
        source->not_injected = ccb_name_printable(problem->message);
    return true;
}

CcbBootSource *ccb_boot_source_read(const char *image, const char *dir, CcbBackend backend,
                                    CcbSourceFlags flags, GError **error)
{
    g_autoptr(CcbBootSource) source = g_new0(CcbBootSource, 1);
    source->flags = flags;
    source->image = g_canonicalize_filename(image, NULL);
    source->overlay = g_build_filename(dir, "boot.qcow2", NULL);
    g_autofree char *format = ccb_image_format(source->image, error);
    if (format == NULL || !ccb_image_create_overlay(source->overlay, source->image, format, error))
        return NULL;
    const CcbGuestOptions options = {
        .image = source->overlay, .format = "qcow2", .backend = backend, .log_fd = -1};
    g_autoptr(CcbGuest) guest = ccb_guest_open(&options, error);
    if (guest == NULL)
        return NULL;
    if (!read_from_guest(guest, dir, flags, source, error)) {
        g_prefix_error(error, "%s: ", image);
        return NULL;
    }
    return ccb_guest_close(g_steal_pointer(&guest), error) ? g_steal_pointer(&source) : NULL;
}
