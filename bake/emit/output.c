/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/output.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/guardian.h"

/* "dir/name.qcow2" and "json" give "dir/name.json"; caller frees. */
static char *sibling(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    bool has_ending = dot != NULL && dot > path && (slash == NULL || dot > slash + 1);
    g_autofree char *stem = has_ending ? g_strndup(path, (gsize)(dot - path)) : g_strdup(path);
    return g_strconcat(stem, ".", ending, NULL);
}

char *ccb_output_manifest_path(const char *image)
{
    return sibling(image, "json");
}

char *ccb_output_report_path(const char *image)
{
    return sibling(image, "html");
}

static char *temporary_for(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *hidden = g_strdup_printf(".%s.part", name);
    return g_build_filename(dir, hidden, NULL);
}

static bool check_name(const CcbOutput *output, GError **error)
{
    if (strcmp(output->path, output->manifest) != 0 && strcmp(output->path, output->log) != 0 &&
        strcmp(output->path, output->report) != 0)
        return true;
    return ccb_fail(error, CCB_ERR_USAGE,
                    "--output=%s: .json, .log and .html are for manifest, log and report",
                    output->path);
}

static bool check_absent(const CcbOutput *output, GError **error)
{
    if (output->force || access(output->path, F_OK) != 0)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s exists already", output->path);
    return ccb_hint(error, "--force replaces it once the new image is verified");
}

/* Whether the locked file still has its name: its holder may have published or removed it
 * meanwhile. */
static bool still_there(int fd, const char *path)
{
    struct stat locked, named;
    return fstat(fd, &locked) == 0 && stat(path, &named) == 0 && locked.st_dev == named.st_dev &&
           locked.st_ino == named.st_ino;
}

static bool take_lock(CcbOutput *output, GError **error)
{
    ccb_autofd int fd = open(output->temporary, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", output->temporary);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !still_there(fd, output->temporary))
        return ccb_fail(error, CCB_ERR_BUSY, "another ccbake is baking %s", output->path);
    output->lock = ccb_steal_fd(&fd);
    ccb_guardian_watch(output->temporary);
    return true;
}

CcbOutput *ccb_output_reserve(const char *path, bool force, GError **error)
{
    CcbOutput *output = g_new0(CcbOutput, 1);
    *output = (CcbOutput){.path = g_strdup(path), .force = force, .lock = -1};
    output->manifest = ccb_output_manifest_path(path);
    output->log = sibling(path, "log");
    output->report = ccb_output_report_path(path);
    output->failed = sibling(path, "failed.html");
    output->temporary = temporary_for(path);
    if (check_name(output, error) && ccb_guardian_start(error) && check_absent(output, error) &&
        take_lock(output, error))
        return output;
    ccb_output_free(output);
    return NULL;
}

static bool sync_file(const char *path, GError **error)
{
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    return true;
}

/* The image comes last: where it stands, its manifest and its report do. */
bool ccb_output_publish(CcbOutput *output, const json_t *manifest, const char *report,
                        GError **error)
{
    char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_SORT_KEYS);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    free(text);
    if (!sync_file(output->temporary, error) || !check_absent(output, error) ||
        !ccb_write_file_atomic(output->manifest, line, strlen(line), error) ||
        !ccb_write_file_atomic(output->report, report, strlen(report), error) ||
        !ccb_publish_file(output->temporary, output->path, error))
        return false;
    const char *sha256 =
        json_string_value(json_object_get(json_object_get(manifest, "image"), "sha256"));
    if (sha256)
        ccb_digest_remember(output->path, sha256);
    ccb_guardian_release(output->temporary);
    ccb_close_fd(&output->lock);
    return true;
}

void ccb_output_free(CcbOutput *output)
{
    if (output == NULL)
        return;
    if (output->lock >= 0) { /* held, and so not published */
        unlink(output->temporary);
        ccb_guardian_release(output->temporary);
        ccb_close_fd(&output->lock);
    }
    g_free(output->path);
    g_free(output->manifest);
    g_free(output->log);
    g_free(output->report);
    g_free(output->failed);
    g_free(output->temporary);
    g_free(output);
}
