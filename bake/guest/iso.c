/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/iso.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "guest/guest.h"

static bool fail(struct archive *iso, const char *path, GError **error)
{
    return ccb_fail(error, CCB_ERR_IO, "writing the payload disk %s: %s", path,
                    archive_error_string(iso));
}

static bool add(struct archive *iso, const CcbAttachment *file, const char *path, GError **error)
{
    enum { CHUNK = 1 << 20 };
    ccb_autofd int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", file->path);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, file->name);
    archive_entry_set_size(entry, st.st_size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0444);
    int rc = archive_write_header(iso, entry);
    archive_entry_free(entry);
    if (rc != ARCHIVE_OK)
        return fail(iso, path, error);
    g_autofree char *buffer = g_malloc(CHUNK);
    ssize_t n;
    while ((n = read(fd, buffer, CHUNK)) != 0) {
        if (ccb_cancel_check(error))
            return false;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", file->path);
        if (archive_write_data(iso, buffer, (size_t)n) != n)
            return fail(iso, path, error);
    }
    return true;
}

bool ccb_iso_write(const char *path, const GPtrArray *files, GError **error)
{
    struct archive *iso = archive_write_new();
    archive_write_set_format_iso9660(iso);
    bool ok = archive_write_set_options(iso, "iso-level=3,!pad") == ARCHIVE_OK &&
              archive_write_open_filename(iso, path) == ARCHIVE_OK;
    if (!ok)
        fail(iso, path, error);
    for (guint i = 0; ok && i < files->len; i++)
        ok = add(iso, files->pdata[i], path, error);
    if (ok && archive_write_close(iso) != ARCHIVE_OK)
        ok = fail(iso, path, error);
    archive_write_free(iso);
    return ok;
}
