/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/reaper.h"
#include "emit/format.h"

/* Only these endings are replaced: in "gpu-550.144.03" the part after the last dot is none. */
char *ccb_output_sibling(const char *path, const char *ending)
{
    static const char *const endings[] = {".qcow2", ".vhd", ".raw", ".img"};
    g_autofree char *name = g_path_get_basename(path);
    gsize length = strlen(path);
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(name, endings[i]) && strcmp(name, endings[i]) != 0)
            length -= strlen(endings[i]);
    g_autofree char *stem = g_strndup(path, length);
    return g_strconcat(stem, ".", ending, NULL);
}

char *ccb_output_manifest_path(const char *image)
{
    return ccb_output_sibling(image, "json");
}

char *ccb_output_report_path(const char *image)
{
    return ccb_output_sibling(image, "html");
}

static CcbOutputFile *file_new(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *hidden = g_strdup_printf(".%s.part", name);
    CcbOutputFile *file = g_new0(CcbOutputFile, 1);
    file->path = g_strdup(path);
    file->temporary = g_build_filename(dir, hidden, NULL);
    file->lock = -1;
    return file;
}

static void file_free(gpointer data)
{
    CcbOutputFile *file = data;
    if (file->lock >= 0) { /* held, and so not published */
        unlink(file->temporary);
        ccb_reaper_release(file->temporary);
        ccb_close_fd(&file->lock);
    }
    g_free(file->path);
    g_free(file->temporary);
    g_free(file);
}

const CcbOutputFile *ccb_output_image(const CcbOutput *output, guint i)
{
    return output->images->pdata[i];
}

static bool check_absent(const CcbOutput *output, const char *path, GError **error)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true;
    if (S_ISDIR(st.st_mode))
        return ccb_fail(error, CCB_ERR_USAGE, "%s is a directory", path);
    if (output->force)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s exists already", path);
    return ccb_hint(error, "--force replaces it once the new image is verified");
}

/* Removes what has the name of a temporary file: the file of a bake that was killed together with its reaper, or a link or
 * FIFO that somebody put there.  False where another bake writes the file. */
static bool remove_leftover(const char *path)
{
    struct stat locked, named;
    ccb_autofd int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    /* The file must still have its name: who held the lock may have published or removed it. */
    if (fd >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &locked) != 0 || lstat(path, &named) != 0 ||
         locked.st_dev != named.st_dev || locked.st_ino != named.st_ino))
        return false;
    return unlink(path) == 0 || errno == ENOENT;
}

/* Nothing is ever written through a name that was there before. */
static bool take_lock(CcbOutputFile *file, GError **error)
{
    ccb_autofd int fd = ccb_create_file(file->temporary, false);
    if (fd < 0 && errno == EEXIST && remove_leftover(file->temporary))
        fd = ccb_create_file(file->temporary, false);
    if (fd < 0 && errno != EEXIST && errno != EWOULDBLOCK)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", file->temporary);
    struct stat locked, named;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &locked) != 0 ||
        lstat(file->temporary, &named) != 0 || locked.st_ino != named.st_ino)
        return ccb_fail(error, CCB_ERR_BUSY, "another ccbake is making %s", file->path);
    file->lock = ccb_steal_fd(&fd);
    ccb_reaper_watch(file->temporary);
    return true;
}

CcbOutput *ccb_output_reserve(const char *const *paths, bool force, GError **error)
{
    static const char *const taken[] = {".json", ".log", ".html"};
    g_autoptr(CcbOutput) output = g_new0(CcbOutput, 1);
    *output = (CcbOutput){.images = g_ptr_array_new_with_free_func(file_free),
                          .manifest = ccb_output_manifest_path(paths[0]),
                          .log = ccb_output_sibling(paths[0], "log"),
                          .report = ccb_output_report_path(paths[0]),
                          .failed = ccb_output_sibling(paths[0], "failed.html"),
                          .force = force};
    if (!ccb_reaper_start(error))
        return NULL;
    for (const char *const *path = paths; *path != NULL; path++) {
        for (gsize i = 0; i < G_N_ELEMENTS(taken); i++) {
            if (!g_str_has_suffix(*path, taken[i]))
                continue;
            ccb_fail(error, CCB_ERR_USAGE,
                     "--output=%s: .json, .log and .html are for manifest, log and report", *path);
            return NULL;
        }
        CcbOutputFile *file = file_new(*path);
        g_ptr_array_add(output->images, file);
        if (!ccb_check_directory_of(*path, error) || !check_absent(output, *path, error) ||
            !take_lock(file, error))
            return NULL;
    }
    output->path = ccb_output_image(output, 0)->path;
    output->temporary = ccb_output_image(output, 0)->temporary;
    return g_steal_pointer(&output);
}

static bool sync_file(const char *path, GError **error)
{
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    return true;
}

/* A file that has the name already is exchanged with the new one, so that it can be put back; where
 * the file system can't exchange names, it is lost. */
static bool give_name(CcbOutputFile *file, GError **error)
{
    if (g_file_test(file->path, G_FILE_TEST_IS_DIR))
        return ccb_fail(error, CCB_ERR_IO, "%s is a directory", file->path);
    file->replaced =
        renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_EXCHANGE) == 0;
    if (file->replaced || rename(file->temporary, file->path) == 0)
        return true;
    return ccb_fail_errno(error, CCB_ERR_IO, "renaming %s to %s", file->temporary, file->path);
}

/* Gives all files their names, or none of them. */
static bool give_names(GPtrArray *files, GError **error)
{
    guint given = 0;
    while (given < files->len && give_name(files->pdata[given], error))
        given++;
    if (given == files->len &&
        ccb_sync_directory_of(((CcbOutputFile *)files->pdata[0])->path, error))
        return true;
    while (given-- > 0) {
        CcbOutputFile *file = files->pdata[given];
        if (file->replaced)
            renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_EXCHANGE);
        else
            rename(file->path, file->temporary);
        file->replaced = false;
    }
    return false;
}

/* Adds a small file to be published, with its text. */
static bool add_text(GPtrArray *files, const char *path, const char *text, GError **error)
{
    CcbOutputFile *file = file_new(path);
    g_ptr_array_add(files, file);
    if (!take_lock(file, error))
        return false;
    return ccb_write_all(file->lock, text, strlen(text), file->temporary, error) &&
           sync_file(file->temporary, error);
}

bool ccb_output_publish(CcbOutput *output, const json_t *manifest, const char *report,
                        GError **error)
{
    size_t number;
    const json_t *image;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(file_free);
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    for (guint i = 0; i < output->images->len; i++) {
        const CcbOutputFile *file = ccb_output_image(output, i);
        if (!sync_file(file->temporary, error) || !check_absent(output, file->path, error))
            return false;
    }
    if (manifest != NULL) {
        ccb_autofree char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_SORT_KEYS);
        g_autofree char *line = g_strconcat(text, "\n", NULL);
        if (!add_text(texts, output->manifest, line, error))
            return false;
    }
    if (report != NULL && !add_text(texts, output->report, report, error))
        return false;
    /* The images come last: where they have their names, the others have theirs. */
    g_ptr_array_extend(files, texts, NULL, NULL);
    g_ptr_array_extend(files, output->images, NULL, NULL);
    if (!give_names(files, error))
        return false;
    for (guint i = 0; i < files->len; i++) { /* they are the user's from here on */
        CcbOutputFile *file = files->pdata[i];
        if (file->replaced)
            unlink(file->temporary);
        ccb_reaper_release(file->temporary);
        ccb_close_fd(&file->lock);
    }
    json_array_foreach(json_object_get(manifest, "images"), number, image)
    {
        const char *sha256 = json_string_value(json_object_get(image, "sha256"));
        if (number < output->images->len && sha256 != NULL)
            ccb_digest_remember(ccb_output_image(output, (guint)number)->path, sha256);
    }
    return true;
}

char *ccb_output_failed_path(const char *path)
{
    const CcbEmitFormat *said = ccb_emit_format_of(path);
    g_autofree char *ending = g_strconcat("failed.", said != NULL ? said->name : "img", NULL);
    return ccb_output_sibling(path, ending);
}

bool ccb_output_keep_failed(CcbOutput *output, GError **error)
{
    for (guint i = 0; i < output->images->len; i++) {
        const CcbOutputFile *file = ccb_output_image(output, i);
        g_autofree char *path = ccb_output_failed_path(file->path);
        if (rename(file->temporary, path) != 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "renaming %s", file->temporary);
        ccb_reaper_release(file->temporary);
    }
    return true;
}

void ccb_output_free(CcbOutput *output)
{
    if (output == NULL)
        return;
    g_ptr_array_unref(output->images);
    g_free(output->manifest);
    g_free(output->log);
    g_free(output->report);
    g_free(output->failed);
    g_free(output);
}
