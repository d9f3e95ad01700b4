/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "cloud/upload-parts.h"
#include "cloud/upload-state.h"

typedef struct {
    CcbS3 *s3;
    const CcbUploadOptions *options;
    CcbSource *source;
    CcbUploadState *state;
    CcbPartsOptions parts; /* once an upload is under way */
} Upload;

void ccb_upload_result_clear(CcbUploadResult *result)
{
    g_clear_pointer(&result->sha256, g_free);
    g_clear_pointer(&result->etag, g_free);
}

/* Limits: "Multipart upload" in the documentation of OSS. */
static bool choose_part_size(const CcbUploadOptions *options, uint64_t size, uint64_t *ret,
                             GError **error)
{
    enum { MIB = 1 << 20, DEFAULT_SIZE = 16 * MIB, SMALLEST = 100 << 10 };
    static const uint64_t largest = UINT64_C(5) << 30;
    uint64_t least = (size + CCB_PARTS_MAX - 1) / CCB_PARTS_MAX;
    if (options->part_size == 0) { /* whole MiB */
        *ret = MAX((least + MIB - 1) / MIB * MIB, DEFAULT_SIZE);
        return true;
    }
    *ret = options->part_size;
    if (*ret < SMALLEST || *ret > largest)
        return ccb_fail(error, CCB_ERR_USAGE, "--part-size: %" PRIu64 " bytes, expected 100k to 5G",
                        *ret);
    return *ret >= least ||
           ccb_fail(error, CCB_ERR_USAGE,
                    "--part-size: %" PRIu64 " bytes would be more than %d parts; at least %" PRIu64,
                    *ret, CCB_PARTS_MAX, least);
}

static bool is_image(const CcbObject *object, const CcbSource *source)
{
    return object->exists && object->size == source->size &&
           g_strcmp0(object->sha256, source->sha256) == 0;
}

/* Whether the object that is there already, if any, is the image, or may be replaced. */
static bool check_present(const Upload *upload, const CcbObject *object, GError **error)
{
    if (!object->exists || is_image(object, upload->source) || upload->options->force)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "another object is there already");
    return ccb_hint(error, "--force replaces it, once all of the image has arrived");
}

/* --- Begin, or continue */

/* Failure is only a warning: --abort-stale can remove what stays on the server. */
static void drop_upload(Upload *upload)
{
    g_autoptr(GError) reason = NULL;
    if (upload->state->upload_id == NULL)
        return;
    if (!ccb_object_abort(upload->s3, upload->state->upload_id, &reason))
        ccb_warn("the parts of an upload stay on the server: %s", reason->message);
    ccb_upload_state_clear(upload->state);
}

static CcbParts *new_parts(Upload *upload)
{
    const CcbUploadState *state = upload->state;
    upload->parts = (CcbPartsOptions){.upload_id = state->upload_id,
                                      .part_size = state->part_size,
                                      .opaque_etags = state->opaque_etags,
                                      .connections = upload->options->connections,
                                      .bytes_per_s = upload->options->bytes_per_s};
    return ccb_parts_new(upload->s3, upload->source, &upload->parts);
}

/* Continues the upload of the state.  NULL without an error if another has to be begun. */
static CcbParts *resume(Upload *upload, uint64_t part_size, GError **error)
{
    const CcbUploadState *state = upload->state;
    const char *why = NULL;
    if (state->upload_id == NULL)
        return NULL;
    if (strcmp(state->sha256, upload->source->sha256) != 0 || state->size != upload->source->size)
        why = "was of another content";
    else if (upload->options->part_size != 0 && part_size != state->part_size)
        why = "has another --part-size";
    if (why != NULL) {
        ccb_progress_line("restart  the upload that was begun before %s", why);
        drop_upload(upload);
        return NULL;
    }
    bool known;
    g_autoptr(CcbParts) parts = new_parts(upload);
    if (!ccb_object_list_parts(upload->s3, state->upload_id, ccb_parts_found, parts, &known, error))
        return NULL;
    if (!known) {
        ccb_progress_line("restart  the server does not know the upload that was begun before");
        return NULL;
    }
    g_autofree char *have = ccb_format_size(ccb_parts_found_size(parts));
    ccb_progress_line("resume   the server has %s of an upload that was begun before", have);
    return g_steal_pointer(&parts);
}

static CcbParts *resume_or_begin(Upload *upload, uint64_t part_size, GError **error)
{
    const CcbSource *source = upload->source;
    GError *reason = NULL;
    CcbParts *parts = resume(upload, part_size, &reason);
    if (parts != NULL)
        return parts;
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return NULL;
    }
    bool opaque_etags;
    g_autofree char *id = ccb_object_begin(upload->s3, source->sha256, &opaque_etags, error);
    if (id == NULL || !ccb_upload_state_begin(upload->state, id, source->sha256, source->size,
                                              part_size, opaque_etags, error))
        return NULL;
    return new_parts(upload);
}

/* --- Complete */

/* Compares a checksum of the object with the parts.  Many servers make the ETag of the MD5s of the parts,
 * others of something else.  OSS's has the same form and is something else ("Differences between OSS and
 * S3" in its documentation of S3 compatibility); it reports the CRC of all bytes, at least by its own
 * API. */
static bool check_sum(const CcbObject *object, const CcbParts *parts, GError **error)
{
    if (object->crc64 != NULL) {
        g_autofree char *crc64 = g_strdup_printf("%" PRIu64, ccb_parts_crc64(parts));
        return strcmp(object->crc64, crc64) == 0 ||
               ccb_fail(error, CCB_ERR_FETCH, "the object is not the image: CRC-64 %s, not %s",
                        object->crc64, crc64);
    }
    g_autofree char *expected = ccb_parts_etag(parts);
    CcbEtagVerdict verdict =
        expected != NULL ? ccb_etag_compare(object->etag, expected) : CCB_ETAG_OPAQUE;
    if (verdict == CCB_ETAG_SAME)
        return true;
    if (verdict == CCB_ETAG_DIFFERS && !object->of_oss)
        return ccb_fail(error, CCB_ERR_FETCH, "the object is not the image: ETag %s, not %s",
                        object->etag, expected);
    ccb_warn("the server reports no checksum of the object that ccbake knows: the parts and the "
             "size of the whole were compared with the image, but not the content of the whole");
    return true;
}

/* Checks the object that the server has put together, and removes a wrong one, which the next run might take
 * for the image. */
static bool check_object(const Upload *upload, const CcbParts *parts, CcbUploadResult *ret,
                         GError **error)
{
    CcbS3 *s3 = upload->s3;
    g_auto(CcbObject) object = {0};
    g_autoptr(GError) reason = NULL;
    if (!ccb_object_look(s3, &object, error))
        return false;
    if (!object.exists)
        return ccb_fail(error, CCB_ERR_FETCH,
                        "after the upload there is no object: run the same command again");
    /* Not every server keeps metadata. */
    bool is_ours = object.sha256 != NULL ? is_image(&object, upload->source)
                                         : object.size == upload->source->size;
    if (!is_ours)
        return ccb_fail(error, CCB_ERR_FETCH,
                        "after the upload another object is there: somebody else has written it");
    if (!check_sum(&object, parts, error)) {
        if (ccb_object_delete(s3, &reason))
            return ccb_hint(error, "the object was removed; run the same command again");
        ccb_warn("the wrong object stays there: %s", reason->message);
        return ccb_hint(error, "remove the object, and run the same command again");
    }
    if (object.sha256 == NULL)
        ccb_warn("the server keeps no metadata: the next upload can't tell that this is there");
    ret->etag = g_steal_pointer(&object.etag);
    return true;
}

static bool complete(Upload *upload, const CcbParts *parts, CcbUploadResult *ret, GError **error)
{
    CcbS3 *s3 = upload->s3;
    g_auto(CcbObject) before = {0};
    g_auto(CcbObject) after = {0};
    if (!ccb_source_check_unchanged(upload->source, error) ||
        !ccb_object_look(s3, &before, error) || !check_present(upload, &before, error))
        return false;
    g_autofree char *xml = ccb_parts_xml(parts);
    GError *reason = NULL;
    if (!ccb_object_complete(s3, upload->state->upload_id, xml, &reason)) {
        /* If the answer to a first try was lost, a server may refuse the second in any words, because the
         * upload is complete. */
        if (ccb_exit_code(reason) != CCB_ERR_FETCH || !ccb_object_look(s3, &after, NULL) ||
            !is_image(&after, upload->source)) {
            g_propagate_error(error, reason);
            return false;
        }
        g_error_free(reason);
    }
    ccb_upload_state_clear(upload->state);
    return check_object(upload, parts, ret, error);
}

/* --- The whole */

static bool run(Upload *upload, CcbUploadResult *ret, GError **error)
{
    CcbSource *source = upload->source;
    uint64_t part_size;
    g_auto(CcbObject) present = {0};
    /* The server is asked before the file is read, which takes long: it may refuse. */
    if (!choose_part_size(upload->options, source->size, &part_size, error) ||
        !ccb_object_look(upload->s3, &present, error) || !ccb_source_identify(source, error) ||
        !check_present(upload, &present, error))
        return false;
    ret->size = source->size;
    ret->sha256 = g_strdup(source->sha256);
    ret->current = is_image(&present, source);
    if (ret->current) {
        drop_upload(upload); /* of a run that was killed after its last step */
        return true;
    }
    g_autoptr(CcbParts) parts = resume_or_begin(upload, part_size, error);
    if (parts == NULL)
        return false;
    g_autofree char *name = g_path_get_basename(source->path);
    ccb_progress_begin("upload", name, source->size);
    ccb_progress_rate(ccb_parts_found_size(parts));
    if (!ccb_parts_send(parts, error) || !complete(upload, parts, ret, error)) {
        ccb_progress_abort();
        return false;
    }
    ret->sent = ccb_parts_sent(parts);
    g_autofree char *note = ccb_format_size(ret->sent);
    ccb_progress_end(note);
    return true;
}

bool ccb_upload(CcbS3 *s3, CcbSource *source, const CcbUploadOptions *options, CcbUploadResult *ret,
                GError **error)
{
    g_autoptr(CcbUploadState) state = ccb_upload_state_open(s3->target, error);
    Upload upload = {.s3 = s3, .options = options, .source = source, .state = state};
    GError *reason = NULL;
    if (state == NULL)
        return false;
    if (run(&upload, ret, &reason))
        return true;
    int code = ccb_exit_code(reason);
    if (code == CCB_ERR_INPUT)
        drop_upload(&upload); /* its parts are of a content that the file no longer has */
    if (code == CCB_ERR_CANCELLED && state->upload_id != NULL)
        ccb_hint(&reason, "run the same command again: it goes on where it stopped");
    if (code == CCB_ERR_FETCH || code == CCB_ERR_USAGE)
        g_prefix_error(&reason, "%s: ", s3->target->shown);
    g_propagate_error(error, reason);
    return false;
}

/* --- Unfinished uploads */

GPtrArray *ccb_stale_abort(CcbS3 *s3, unsigned days, GError **error)
{
    enum { DAY_S = 24 * 3600 };
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    g_autoptr(GPtrArray) list = ccb_object_list_unfinished(s3, error);
    if (list == NULL && s3->answered)
        ccb_hint(error, "a lifecycle rule of the bucket can remove the parts of old uploads, too");
    for (guint i = list != NULL ? list->len : 0; i-- > 0;) {
        const CcbUnfinished *unfinished = list->pdata[i];
        /* An upload without a date counts as new. */
        bool is_old = unfinished->begun != 0 && now - unfinished->begun >= (gint64)days * DAY_S;
        if (days != 0 && !is_old) {
            g_ptr_array_remove_index(list, i);
            continue;
        }
        CcbTarget target = *s3->target;
        target.key = unfinished->key;
        CcbS3 of_key = {.target = &target, .credentials = s3->credentials, .pool = s3->pool};
        if (!ccb_object_abort(&of_key, unfinished->upload_id, error))
            return NULL;
    }
    return g_steal_pointer(&list);
}
