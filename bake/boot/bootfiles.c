/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/bootfiles.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "boot/inject.h"
#include "boot/unitfiles.h"
#include "guest/facts.h"
#include "guest/guest.h"
#include "image/qemu-img.h"
#include "text/grubcfg.h"

#define GRUBCFG "/boot/grub2/grub.cfg"

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
    g_clear_pointer(&source->names, g_hash_table_unref);
    g_strfreev(source->gpu_consumers);
    g_clear_pointer(&source->gpu_requirers, g_hash_table_unref);
    g_free(source->units_unread);
    g_free(source->not_injected);
    g_free(source);
}

/* --- command line */

static bool read_cmdline(CcbGuest *guest, const char *options, char **ret_cmdline, GError **error)
{
    g_autoptr(CcbGrubenv) env = NULL;
    g_autofree char *config = NULL, *fallback = NULL;
    if (!ccb_facts_grubenv(guest, &env, error) ||
        !ccb_guest_read_optional(guest, GRUBCFG, &config, error))
        return false;
    if (config && !ccb_grubcfg_get_kernelopts(config, strlen(config), &fallback, error)) {
        g_prefix_error(error, "%s: ", GRUBCFG);
        return false;
    }
    *ret_cmdline = ccb_grub_expand(options ? options : "", env, fallback);
    return true;
}

/* --- kernel and initrd */

/* A path of a boot entry is relative to the file system that holds /boot. */
static char *find_boot_file(CcbGuest *guest, const char *path)
{
    return ccb_guest_exists(guest, path) ? g_strdup(path) : g_build_filename("/boot", path, NULL);
}

/* Appends files of the guest to one of the host: GRUB concatenates several initrds, too. */
static bool download(CcbGuest *guest, const char *paths, const char *to, GError **error)
{
    g_auto(GStrv) list = g_strsplit_set(paths, " \t", -1);
    ccb_autofd int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", to);
    for (char **path = list; *path; path++) {
        if (**path == '\0' || **path == '$') /* $tuned_initrd: a variable nobody sets */
            continue;
        g_autofree char *found = find_boot_file(guest, *path);
        if (!ccb_guest_download(guest, found, fd, error))
            return false;
    }
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

/* --- all of it */

/* A boot without it still says something, so this is no error. */
static void inject(CcbGuest *guest, CcbSourceFlags flags, CcbBootSource *source)
{
    g_autoptr(GError) problem = NULL;
    if ((flags & CCB_SOURCE_JOURNAL && !ccb_inject_journal(guest, &problem)) ||
        (flags & CCB_SOURCE_LOGIN && !ccb_inject_login(guest, &problem)))
        source->not_injected = ccb_name_printable(problem->message);
}

static bool read_from_guest(CcbGuest *guest, const char *dir, CcbSourceFlags flags,
                            CcbBootSource *source, GError **error)
{
    g_autoptr(CcbFacts) facts = ccb_facts_of_guest(guest, error);
    if (facts == NULL)
        return false;
    const CcbBootEntry *entry = ccb_facts_default_entry(facts);
    if (entry == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no default boot entry");
    source->entry = ccb_name_printable(entry->id);
    if ((flags & CCB_SOURCE_KERNEL && !read_boot_files(guest, entry, dir, source, error)) ||
        !read_cmdline(guest, entry->options, &source->cmdline, error))
        return false;
    ccb_boot_read_units(guest, source);
    inject(guest, flags, source);
    return true;
}

static bool make_overlay(CcbBootSource *source, const char *dir, GError **error)
{
    g_autofree char *format = ccb_image_format(source->image, error);
    source->overlay = g_build_filename(dir, "boot.qcow2", NULL);
    return format && ccb_image_create_overlay(source->overlay, source->image, format, error);
}

static CcbGuest *open_overlay(const CcbBootSource *source, CcbBackend backend, GError **error)
{
    const CcbGuestOptions options = {
        .image = source->overlay, .format = "qcow2", .backend = backend, .log_fd = -1};
    return ccb_guest_open(&options, error);
}

CcbBootSource *ccb_boot_source_read(const char *image, const char *dir, CcbBackend backend,
                                    CcbSourceFlags flags, GError **error)
{
    g_autoptr(CcbBootSource) source = g_new0(CcbBootSource, 1);
    source->flags = flags;
    source->image = g_canonicalize_filename(image, NULL);
    g_autoptr(CcbGuest) guest =
        make_overlay(source, dir, error) ? open_overlay(source, backend, error) : NULL;
    if (guest == NULL)
        return NULL;
    if (!read_from_guest(guest, dir, flags, source, error)) {
        g_prefix_error(error, "%s: ", image);
        return NULL;
    }
    return ccb_guest_close(g_steal_pointer(&guest), error) ? g_steal_pointer(&source) : NULL;
}
