/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-state.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"

enum { FORMAT = 1 };

static bool lock(CcbUploadState *state, const CcbTarget *target, GError **error)
{
    for (;;) {
        struct stat ours, named;
        state->fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (state->fd < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "%s", state->path);
        if (flock(state->fd, LOCK_EX | LOCK_NB) != 0) {
            ccb_close_fd(&state->fd); /* the file is not ours to remove */
            return ccb_fail(error, CCB_ERR_BUSY, "another ccbake uploads to %s", target->shown);
        }
        /* The holder of the lock may have removed the file after we opened it. */
        if (fstat(state->fd, &ours) == 0 && stat(state->path, &named) == 0 &&
            ours.st_ino == named.st_ino)
            return true;
        ccb_close_fd(&state->fd);
    }
}

/* An empty file was left by a run that was killed before its upload began. */
static void load(CcbUploadState *state)
{
    int format = 0, opaque_etags = false;
    json_int_t size, part_size;
    const char *upload_id, *sha256;
    g_autofree char *text = ccb_read_file(state->path, 0, NULL, NULL);
    if (text == NULL || *text == '\0')
        return;
    json_auto_t *json = json_loads(text, 0, NULL);
    if (json_unpack(json, "{s:i, s:s, s:s, s:I, s:I, s?b}", "format", &format, "upload_id",
                    &upload_id, "sha256", &sha256, "size", &size, "part_size", &part_size,
                    "opaque_etags", &opaque_etags) != 0 ||
        format != FORMAT || size <= 0 || part_size <= 0) {
        ccb_warn("%s can't be read: the upload begins anew", state->path);
        return;
    }
    state->upload_id = g_strdup(upload_id);
    state->sha256 = g_strdup(sha256);
    state->size = (uint64_t)size;
    state->part_size = (uint64_t)part_size;
    state->opaque_etags = opaque_etags;
}

CcbUploadState *ccb_upload_state_open(const CcbTarget *target, GError **error)
{
    g_autoptr(CcbUploadState) state = g_new0(CcbUploadState, 1);
    g_autofree char *directory = g_build_filename(ccb_cache_dir(), "uploads", NULL);
    g_autofree char *place = g_strjoin("\n", target->server, target->bucket, target->key, NULL);
    g_autofree char *key = ccb_digest_string(place);
    state->fd = -1;
    state->path = g_build_filename(directory, key, NULL);
    if (!ccb_mkdirs(directory, error) || !lock(state, target, error))
        return NULL;
    load(state);
    return g_steal_pointer(&state);
}

static void forget(CcbUploadState *state)
{
    g_clear_pointer(&state->upload_id, g_free);
    g_clear_pointer(&state->sha256, g_free);
}

void ccb_upload_state_free(CcbUploadState *state)
{
    if (state == NULL)
        return;
    /* Removed under the lock: a process that has opened it meanwhile will see that its name is gone. */
    if (state->fd >= 0 && state->upload_id == NULL)
        unlink(state->path);
    ccb_close_fd(&state->fd);
    forget(state);
    g_free(state->path);
    g_free(state);
}

bool ccb_upload_state_begin(CcbUploadState *state, const char *upload_id, const char *sha256,
                            uint64_t size, uint64_t part_size, bool opaque_etags, GError **error)
{
    forget(state);
    state->upload_id = g_strdup(upload_id);
    state->sha256 = g_strdup(sha256);
    state->size = size;
    state->part_size = part_size;
    state->opaque_etags = opaque_etags;
    json_auto_t *json = json_pack("{s:i, s:s, s:s, s:I, s:I, s:b}", "format", FORMAT, "upload_id",
                                  upload_id, "sha256", sha256, "size", (json_int_t)size,
                                  "part_size", (json_int_t)part_size, "opaque_etags", opaque_etags);
    char *text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    /* Written in place, because the lock is on the file. */
    bool ok = ftruncate(state->fd, 0) == 0 && lseek(state->fd, 0, SEEK_SET) == 0
                  ? ccb_write_all(state->fd, text, strlen(text), state->path, error)
                  : ccb_fail_errno(error, CCB_ERR_IO, "%s", state->path);
    free(text);
    return ok &&
           (fsync(state->fd) == 0 || ccb_fail_errno(error, CCB_ERR_IO, "writing %s", state->path));
}

void ccb_upload_state_clear(CcbUploadState *state)
{
    forget(state);
    if (ftruncate(state->fd, 0) != 0)
        ccb_warn("%s: %s", state->path, g_strerror(errno));
}
