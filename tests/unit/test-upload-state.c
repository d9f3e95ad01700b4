/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-state.h"

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#include "tap.h"

static const CcbTarget target = {
    .server = "http://h", .bucket = "b", .key = "k", .shown = "oss://b/k"};

static void is_upload(const CcbUploadState *state, const char *id, const char *what)
{
    is_str(state != NULL ? state->upload_id : "no state", id, what);
}

static void kept_and_locked(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CcbUploadState) state = ccb_upload_state_open(&target, NULL);
    is_upload(state, NULL, "nothing is under way at first");
    ok(ccb_upload_state_begin(state, "id \"1\"", "abc", UINT64_C(1) << 40, 16 << 20, true, NULL),
       "an upload begins");
    ok(ccb_upload_state_open(&target, &error) == NULL && ccb_exit_code(error) == CCB_ERR_BUSY,
       "nobody else may go on with it meanwhile");
    CcbTarget other = target;
    other.key = "l";
    g_autoptr(CcbUploadState) of_other = ccb_upload_state_open(&other, NULL);
    is_upload(of_other, NULL, "another key has a state of its own");
    g_clear_pointer(&state, ccb_upload_state_free);
    state = ccb_upload_state_open(&target, NULL);
    is_upload(state, "id \"1\"", "it is there the next time");
    ok(state->size == UINT64_C(1) << 40 && state->part_size == 16 << 20 && state->opaque_etags &&
           strcmp(state->sha256, "abc") == 0,
       "with all that was noted");
    ok(ccb_upload_state_begin(state, "2", "d", 5, 3, false, NULL), "another takes its place");
    g_clear_pointer(&state, ccb_upload_state_free);
    state = ccb_upload_state_open(&target, NULL);
    is_upload(state, "2", "and nothing is left of the longer one");
    ok(!state->opaque_etags, "nor of what its ETags were");
}

/* As the first version wrote it. */
static void older(void)
{
    CcbUploadState *state = ccb_upload_state_open(&target, NULL);
    g_autofree char *path = g_strdup(state->path);
    ccb_upload_state_begin(state, "1", "a", 1, 1, true, NULL);
    ccb_upload_state_free(state);
    ok(g_file_set_contents(path,
                           "{\"format\": 1, \"upload_id\": \"7\", \"sha256\": \"a\", \"size\": 1, "
                           "\"part_size\": 1}",
                           -1, NULL),
       "an older state");
    state = ccb_upload_state_open(&target, NULL);
    is_upload(state, "7", "is gone on with");
    ok(!state->opaque_etags, "its ETags are taken for MD5s");
    ccb_upload_state_free(state);
}

static void damaged(void)
{
    static const char *const contents[] = {"{",
                                           "[]",
                                           "{\"format\": 1}",
                                           "\x01\x02",
                                           "null",
                                           "{\"format\": 2, \"upload_id\": \"1\", \"sha256\": "
                                           "\"a\", \"size\": 1, \"part_size\": 1}",
                                           "{\"format\": 1, \"upload_id\": \"1\", \"sha256\": "
                                           "\"a\", \"size\": 1, \"part_size\": 0}"};
    for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
        CcbUploadState *state = ccb_upload_state_open(&target, NULL);
        g_autofree char *path = g_strdup(state->path);
        ccb_upload_state_begin(state, "1", "a", 1, 1, false, NULL); /* so that the file stays */
        ccb_upload_state_free(state);
        ok(g_file_set_contents(path, contents[i], -1, NULL), "damaged");
        state = ccb_upload_state_open(&target, NULL);
        is_upload(state, NULL, contents[i]);
        ccb_upload_state_free(state);
        ok(access(path, F_OK) != 0, "what says nothing is removed");
    }
}

static void cleared(void)
{
    CcbUploadState *state = ccb_upload_state_open(&target, NULL);
    g_autofree char *path = g_strdup(state->path);
    ccb_upload_state_begin(state, "1", "a", 1, 1, false, NULL);
    ccb_upload_state_clear(state);
    ccb_upload_state_free(state);
    ok(access(path, F_OK) != 0, "a complete upload leaves nothing");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccb-state-XXXXXX", NULL);
    g_setenv("CCBAKE_CACHE_DIR", dir, TRUE);
    kept_and_locked();
    older();
    damaged();
    cleared();
    ccb_remove_tree(dir, NULL);
    return done();
}
