/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "cloud/etag.h"
#include "cloud/object.h"
#include "cloud/upload-parts.h"
#include "cloud/upload-state.h"

enum { MIB = 1 << 20, PART_SIZE = 16 * MIB };

/* "Multipart upload" in the documentation of OSS. */
static const uint64_t part_size_min = 100 << 10, part_size_max = UINT64_C(5) << 30;

void ccb_upload_result_clear(CcbUploadResult *result)
{
    g_clear_pointer(&result->sha256, g_free);
    g_clear_pointer(&result->etag, g_free);
}

/* Whole MiB, and no more parts than an upload may have. */
static bool choose_part_size(const CcbUploadOptions *options, uint64_t size, uint64_t *ret,
                             GError **error)
{
    uint64_t least = (size + CCB_PARTS_MAX - 1) / CCB_PARTS_MAX;
    if (options->part_size == 0) {
        *ret = MAX((least + MIB - 1) / MIB * MIB, PART_SIZE);
        return true;
    }
    *ret = options->part_size;
    if (*ret < part_size_min || *ret > part_size_max)
        return ccb_fail(error, CCB_ERR_USAGE, "--part-size: %" PRIu64 " bytes, expected 100k to 5G",
                        *ret);
    return *ret >= least ||
           ccb_fail(error, CCB_ERR_USAGE,
                    "--part-size: %" PRIu64 " bytes would be more than %d parts; at least %" PRIu64,
                    *ret, CCB_PARTS_MAX, least);
}

static bool holds(const CcbObject *object, const CcbSource *source)
{
    return object->exists && object->size == source->size &&
           g_strcmp0(object->sha256, source->sha256) == 0;
}

static bool refuse_other(GError **error)
{
    ccb_fail(error, CCB_ERR_USAGE, "another object is there already");
    return ccb_hint(error, "--force replaces it, once all of the image has arrived");
}

/* An object that is there is the image already, or is to be replaced, or stays. */
static bool judge_present(const CcbObject *object, const CcbSource *source, bool force,
                          bool *ret_current, GError **error)
{
    *ret_current = holds(object, source);
    return *ret_current || !object->exists || force || refuse_other(error);
}

/* --- Beginning */

/* Nothing depends on it: what stays on the server can be removed with --abort-stale. */
static void drop_upload(CcbS3 *s3, CcbUploadState *state)
{
    g_autoptr(GError) reason = NULL;
    if (state->upload_id == NULL)
        return;
    if (!ccb_object_abort(s3, state->upload_id, &reason))
        ccb_warn("the parts of an upload stay on the server: %s", reason->message);
    ccb_upload_state_clear(state);
}

static bool begin(CcbS3 *s3, CcbUploadState *state, const CcbSource *source, uint64_t part_size,
                  GError **error)
{
    bool opaque_etags;
    g_autofree char *id = ccb_object_begin(s3, source->sha256, &opaque_etags, error);
    return id != NULL && ccb_upload_state_begin(state, id, source->sha256, source->size, part_size,
                                                opaque_etags, error);
}

/* Parts that go on with the upload of the state, or NULL without an error where the server does not
 * know it any more. */
static CcbParts *go_on(CcbS3 *s3, const CcbSource *source, const CcbPartsOptions *options,
                       GError **error)
{
    bool known;
    g_autoptr(CcbParts) parts = ccb_parts_new(s3, source, options);
    if (!ccb_object_list_parts(s3, options->upload_id, ccb_parts_found, parts, &known, error))
        return NULL;
    if (!known)
        return NULL;
    g_autofree char *have = ccb_format_size(ccb_parts_found_size(parts));
    ccb_progress_line("resume   the server has %s of an upload that was begun before", have);
    return g_steal_pointer(&parts);
}

/* Why the upload of the state is of no use; NULL: it is.  Without --part-size its own will do. */
static const char *why_anew(const CcbUploadState *state, const CcbSource *source,
                            uint64_t part_size, bool part_size_given)
{
    if (strcmp(state->sha256, source->sha256) != 0 || state->size != source->size)
        return "was of another content";
    return part_size_given && part_size != state->part_size ? "has another --part-size" : NULL;
}

static void take_state(const CcbUploadState *state, CcbPartsOptions *options)
{
    options->upload_id = state->upload_id;
    options->part_size = state->part_size;
    options->opaque_etags = state->opaque_etags;
}

static CcbParts *open_parts(CcbS3 *s3, CcbUploadState *state, const CcbSource *source,
                            uint64_t part_size, bool part_size_given, CcbPartsOptions *options,
                            GError **error)
{
    const char *why =
        state->upload_id != NULL ? why_anew(state, source, part_size, part_size_given) : NULL;
    if (why != NULL) {
        ccb_progress_line("restart  the upload that was begun before %s", why);
        drop_upload(s3, state);
    }
    if (state->upload_id != NULL) {
        GError *reason = NULL;
        take_state(state, options);
        CcbParts *parts = go_on(s3, source, options, &reason);
        if (parts != NULL)
            return parts;
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return NULL;
        }
        ccb_progress_line("restart  the server does not know the upload that was begun before");
    }
    if (!begin(s3, state, source, part_size, error))
        return NULL;
    take_state(state, options);
    return ccb_parts_new(s3, source, options);
}

/* --- Ending */

/* Not every server keeps metadata. */
static bool is_ours(const CcbObject *object, const CcbSource *source)
{
    return object->sha256 != NULL ? holds(object, source)
                                  : object->exists && object->size == source->size;
}

/* Many servers make the ETag of the MD5s of the parts, others of something else.  OSS's looks like
 * that and is something else ("Differences between OSS and S3" in its documentation of S3
 * compatibility); it reports the CRC of all bytes, at least by its own API. */
static CcbEtagVerdict judge_etag(const CcbObject *object, const CcbParts *parts, GError **error)
{
    g_autofree char *expected = ccb_parts_etag(parts);
    CcbEtagVerdict verdict =
        expected != NULL ? ccb_etag_compare(object->etag, expected) : CCB_ETAG_OPAQUE;
    if (verdict != CCB_ETAG_DIFFERS)
        return verdict;
    if (object->of_oss)
        return CCB_ETAG_OPAQUE;
    ccb_fail(error, CCB_ERR_FETCH, "the object is not the image: ETag %s, not %s", object->etag,
             expected);
    return CCB_ETAG_DIFFERS;
}

/* What can't be compared proves nothing: the object stays. */
static bool check_sum(const CcbObject *object, const CcbParts *parts, GError **error)
{
    g_autofree char *crc64 = g_strdup_printf("%" PRIu64, ccb_parts_crc64(parts));
    if (object->crc64 != NULL)
        return strcmp(object->crc64, crc64) == 0 ||
               ccb_fail(error, CCB_ERR_FETCH, "the object is not the image: CRC-64 %s, not %s",
                        object->crc64, crc64);
    CcbEtagVerdict verdict = judge_etag(object, parts, error);
    if (verdict == CCB_ETAG_OPAQUE)
        ccb_warn(
            "the server reports no checksum of the object that ccbake knows: the parts and the "
            "size of the whole were compared with the image, but not the content of the whole");
    return verdict != CCB_ETAG_DIFFERS;
}

static bool check_object(const CcbObject *object, const CcbSource *source, const CcbParts *parts,
                         GError **error)
{
    if (!object->exists)
        return ccb_fail(error, CCB_ERR_FETCH,
                        "after the upload there is no object: run the same command again");
    if (!is_ours(object, source))
        return ccb_fail(error, CCB_ERR_FETCH,
                        "after the upload another object is there: somebody else has written it");
    return check_sum(object, parts, error);
}

/* What is wrong must not pass for the image the next time. */
static bool judge_object(CcbS3 *s3, const CcbSource *source, const CcbParts *parts,
                         CcbUploadResult *ret, GError **error)
{
    g_auto(CcbObject) object = {0};
    g_autoptr(GError) reason = NULL;
    if (!ccb_object_look(s3, &object, error))
        return false;
    if (!check_object(&object, source, parts, error)) {
        if (!is_ours(&object, source))
            return false;
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

/* Where the answer to the first request was lost, a server may refuse the second in whatever words: it
 * does not know the upload any more. */
static bool has_arrived(CcbS3 *s3, const CcbSource *source, const GError *reason)
{
    g_auto(CcbObject) object = {0};
    return ccb_exit_code(reason) == CCB_ERR_FETCH && ccb_object_look(s3, &object, NULL) &&
           holds(&object, source);
}

static bool complete(CcbS3 *s3, const CcbUploadOptions *options, CcbUploadState *state,
                     const CcbSource *source, const CcbParts *parts, CcbUploadResult *ret,
                     GError **error)
{
    bool current, known;
    g_auto(CcbObject) present = {0};
    if (!ccb_source_check_unchanged(source, error) || !ccb_object_look(s3, &present, error) ||
        !judge_present(&present, source, options->force, &current, error))
        return false;
    g_autofree char *xml = ccb_parts_xml(parts);
    GError *reason = NULL;
    if (!ccb_object_complete(s3, state->upload_id, xml, &known, &reason)) {
        if (!has_arrived(s3, source, reason)) {
            g_propagate_error(error, reason);
            return false;
        }
        g_error_free(reason);
    }
    /* Done, or lost, which shows now. */
    ccb_upload_state_clear(state);
    return judge_object(s3, source, parts, ret, error);
}

/* --- All of it */

static bool send_all(CcbS3 *s3, const CcbUploadOptions *options, CcbUploadState *state,
                     const CcbSource *source, CcbParts *parts, CcbUploadResult *ret, GError **error)
{
    g_autofree char *name = g_path_get_basename(source->path);
    ccb_progress_begin("upload", name, source->size);
    ccb_progress_rate(ccb_parts_found_size(parts));
    if (!ccb_parts_send(parts, error) || !complete(s3, options, state, source, parts, ret, error)) {
        ccb_progress_abort();
        return false;
    }
    ret->sent = ccb_parts_sent(parts);
    g_autofree char *note = ccb_format_size(ret->sent);
    ccb_progress_end(note);
    return true;
}

static bool run(CcbS3 *s3, const CcbUploadOptions *options, CcbUploadState *state,
                CcbSource *source, CcbUploadResult *ret, GError **error)
{
    uint64_t part_size;
    g_auto(CcbObject) present = {0};
    /* Asked first: what the server refuses it refuses before the file is read. */
    if (!choose_part_size(options, source->size, &part_size, error) ||
        !ccb_object_look(s3, &present, error) || !ccb_source_identify(source, error) ||
        !judge_present(&present, source, options->force, &ret->current, error))
        return false;
    ret->size = source->size;
    ret->sha256 = g_strdup(source->sha256);
    if (ret->current) {
        drop_upload(s3, state); /* where an earlier run was killed behind its last step */
        return true;
    }
    CcbPartsOptions parts_options = {.connections = options->connections,
                                     .bytes_per_s = options->bytes_per_s};
    g_autoptr(CcbParts) parts =
        open_parts(s3, state, source, part_size, options->part_size != 0, &parts_options, error);
    return parts != NULL && send_all(s3, options, state, source, parts, ret, error);
}

/* Takes the error, and sees to what it means for an upload that has begun. */
static bool fail(CcbS3 *s3, CcbUploadState *state, GError *reason, GError **error)
{
    switch (ccb_exit_code(reason)) {
    case CCB_ERR_INPUT:
        drop_upload(s3, state); /* parts of a file that is no more */
        break;
    case CCB_ERR_CANCELLED:
        if (state->upload_id != NULL)
            ccb_hint(&reason, "run the same command again: it goes on where it stopped");
        break;
    case CCB_ERR_FETCH:
    case CCB_ERR_USAGE:
        g_prefix_error(&reason, "%s: ", s3->target->shown);
        break;
    default:
        break;
    }
    g_propagate_error(error, reason);
    return false;
}

bool ccb_upload(CcbS3 *s3, CcbSource *source, const CcbUploadOptions *options, CcbUploadResult *ret,
                GError **error)
{
    GError *reason = NULL;
    g_autoptr(CcbUploadState) state = ccb_upload_state_open(s3->target, error);
    if (state == NULL)
        return false;
    return run(s3, options, state, source, ret, &reason) || fail(s3, state, reason, error);
}
