/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/job.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "fetch/url.h"
#include "http/handle.h"

enum {
    LOCK_POLL_MS = 200,
    PROGRESS_BYTES = 1 << 20, /* a try that gets on by this much doesn't count as failed */
};

static const char referer_hint[] =
    "the server refuses access; some vendors want a `referer:` beside the URL";

static const char *job_url(const CcbJob *job)
{
    return job->item->urls[job->url];
}

/* Points job->url at the first URL from there on that is not local; false where none is left. */
static bool seek_remote(CcbJob *job)
{
    while (job_url(job) != NULL && !ccb_url_is_remote(job_url(job)))
        job->url++;
    return job_url(job) != NULL;
}

CcbJob *ccb_job_new(CcbDownload *download, CcbStore *store, const CcbFetchOptions *options,
                    CURLM *multi)
{
    CcbJob *job = g_new0(CcbJob, 1);
    job->download = download;
    job->item = download->item;
    job->store = store;
    job->options = options;
    job->multi = multi;
    seek_remote(job);
    return job;
}

static void drop_transfer(CcbJob *job)
{
    if (job->transfer != NULL)
        curl_multi_remove_handle(job->multi, ccb_transfer_handle(job->transfer));
    g_clear_pointer(&job->transfer, ccb_transfer_free);
}

void ccb_job_free(void *data)
{
    CcbJob *job = data;
    drop_transfer(job);
    ccb_partial_free(job->partial);
    g_free(job);
}

static void finish(CcbJob *job)
{
    drop_transfer(job);
    g_clear_pointer(&job->partial, ccb_partial_free);
    job->state = CCB_JOB_FINISHED;
}

/* Takes the error. */
static void fail(CcbJob *job, GError *error)
{
    job->download->error = error;
    finish(job);
}

static void wait_ms(CcbJob *job, gint64 ms)
{
    drop_transfer(job);
    job->state = CCB_JOB_WAITING;
    job->due = g_get_monotonic_time() + ms * 1000;
}

/* Takes the error. */
static void next_url(CcbJob *job, GError *error)
{
    g_autofree char *shown = ccb_url_redact(job_url(job));
    g_prefix_error(&error, "%s: ", shown);
    job->url++;
    job->tries = 0;
    if (!seek_remote(job)) {
        fail(job, error);
        return;
    }
    ccb_progress_line("%s: %s; trying the next mirror", job->item->name, error->message);
    ccb_download_note(job->download, error);
    g_error_free(error);
    wait_ms(job, 0);
}

/* Takes the error. */
static void retry(CcbJob *job, GError *error)
{
    if (job->partial->size >= job->furthest + PROGRESS_BYTES)
        job->tries = 0;
    job->furthest = MAX(job->furthest, job->partial->size);
    if (job->tries++ >= job->options->retries) {
        g_prefix_error(&error, "gave up after try %u: ", job->tries);
        next_url(job, error);
        return;
    }
    CURL *handle = job->transfer != NULL ? ccb_transfer_handle(job->transfer) : NULL;
    gint64 ms = ccb_http_pause_ms(handle, job->options->backoff_ms, job->tries);
    ccb_progress_line("%s: %s; trying again in %.1f s", job->item->name, error->message,
                      (double)ms / 1000);
    g_error_free(error);
    wait_ms(job, ms);
}

static void reject_content(CcbJob *job, const char *got)
{
    GError *error = NULL;
    if (!ccb_partial_discard(job->partial, &error)) {
        fail(job, error);
        return;
    }
    ccb_fail(&error, CCB_ERR_FETCH, "wrong content: expected sha256 %s, got %s", job->item->sha256,
             got);
    /* Bytes kept from before may be to blame rather than the server. */
    if (job->transfer == NULL || ccb_transfer_resumed(job->transfer))
        retry(job, error);
    else
        next_url(job, error);
}

/* All bytes are in the partial. */
static void verify(CcbJob *job)
{
    const char *expected = job->item->sha256;
    g_autofree char *got = ccb_partial_digest(job->partial);
    if (expected != NULL && strcmp(got, expected) != 0) {
        reject_content(job, got);
        return;
    }
    GError *error = NULL;
    char *path = ccb_partial_publish(job->partial, got, &error);
    if (path == NULL) {
        fail(job, error);
        return;
    }
    job->item->path = path;
    job->item->got_sha256 = g_steal_pointer(&got);
    job->item->got_size = job->partial->size;
    job->item->got_url = ccb_url_redact(job_url(job));
    finish(job);
}

static void start_transfer(CcbJob *job)
{
    CcbTransferRequest request = {
        .url = job_url(job),
        .referer = job->item->referer,
        .size = job->item->size,
        .pinned = job->item->sha256 != NULL,
        .stall_s = job->options->stall_s,
        .partial = job->partial,
    };
    job->transfer = ccb_transfer_new(&request);
    curl_multi_add_handle(job->multi, ccb_transfer_handle(job->transfer));
    job->state = CCB_JOB_ACTIVE;
}

static bool open_partial(CcbJob *job, GError **error)
{
    const CcbFetchItem *item = job->item;
    g_autofree char *key = ccb_partial_key(item->sha256, item->urls[0]);
    if (!ccb_partial_open(job->store, key, item->sha256 != NULL, &job->partial, error))
        return false;
    if (job->partial == NULL) {
        if (!job->lock_announced)
            ccb_progress_line("%s: waiting for another download of it to end", item->name);
        job->lock_announced = true;
        wait_ms(job, LOCK_POLL_MS);
        return true;
    }
    job->furthest = job->partial->size;
    return true;
}

void ccb_job_start(CcbJob *job)
{
    GError *error = NULL;
    if (job->partial == NULL && !open_partial(job, &error)) {
        fail(job, error);
        return;
    }
    if (job->partial == NULL)
        return; /* waits for the lock */
    /* Another process may have published it while we waited. */
    if (!ccb_download_from_store(job->store, job->download, &error))
        fail(job, error);
    else if (job->item->path != NULL)
        finish(job);
    /* An earlier run may have been killed between the last byte and the publication. */
    else if (job->item->size != 0 && job->partial->size == job->item->size)
        verify(job);
    else
        start_transfer(job);
}

void ccb_job_end_transfer(CcbJob *job, CURLcode code)
{
    GError *error = NULL;
    switch (ccb_transfer_finish(job->transfer, code, &error)) {
    case CCB_TRANSFER_DONE:
        verify(job);
        break;
    case CCB_TRANSFER_RETRY:
        retry(job, error);
        break;
    case CCB_TRANSFER_REFUSED:
        if (ccb_transfer_status(job->transfer) == 403 && job->item->referer == NULL)
            job->download->hint = referer_hint;
        next_url(job, error);
        break;
    case CCB_TRANSFER_BROKEN:
        fail(job, error);
        break;
    }
}
