/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/download.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/human.h"
#include "base/progress.h"
#include "fetch/job.h"
#include "http/handle.h"

enum { LOOP_POLL_MS = 250 };

void ccb_download_free(void *data)
{
    CcbDownload *download = data;
    g_string_free(download->reasons, TRUE);
    g_clear_error(&download->error);
    g_free(download);
}

CcbDownload *ccb_download_new(CcbFetchItem *item)
{
    CcbDownload *download = g_new0(CcbDownload, 1);
    download->item = item;
    download->reasons = g_string_new(NULL);
    return download;
}

void ccb_download_note(CcbDownload *download, const GError *reason)
{
    const char *separator = download->reasons->len > 0 ? "; " : "";
    g_string_append_printf(download->reasons, "%s%s", separator, reason->message);
}

bool ccb_download_from_store(CcbStore *store, CcbDownload *download, GError **error)
{
    CcbFetchItem *item = download->item;
    if (item->sha256 == NULL)
        return true;
    GError *damage = NULL;
    g_autofree char *path = ccb_store_find(store, item->sha256, &damage);
    if (damage != NULL) {
        g_propagate_error(error, damage);
        return false;
    }
    struct stat st;
    if (path == NULL || stat(path, &st) != 0)
        return true;
    item->path = g_steal_pointer(&path);
    item->got_sha256 = g_strdup(item->sha256);
    item->got_size = (uint64_t)st.st_size;
    return true;
}

static void end_transfers(GPtrArray *jobs, CURLM *multi)
{
    int left;
    for (CURLMsg *msg; (msg = curl_multi_info_read(multi, &left)) != NULL;) {
        CURLcode code = msg->data.result;
        CURL *easy = msg->easy_handle; /* `msg` dies with the handle */
        for (unsigned i = 0; i < jobs->len; i++) {
            CcbJob *job = jobs->pdata[i];
            if (job->transfer != NULL && ccb_transfer_handle(job->transfer) == easy) {
                ccb_job_end_transfer(job, code);
                break;
            }
        }
    }
}

static unsigned count(const GPtrArray *jobs, CcbJobState state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < jobs->len; i++)
        n += ((const CcbJob *)jobs->pdata[i])->state == state;
    return n;
}

/* Starts what is due, and returns how long to sleep until the next pause ends. */
static gint64 start_due(GPtrArray *jobs, unsigned parallel)
{
    gint64 ms = LOOP_POLL_MS;
    for (unsigned i = 0; i < jobs->len && count(jobs, CCB_JOB_ACTIVE) < parallel; i++) {
        CcbJob *job = jobs->pdata[i];
        gint64 now = g_get_monotonic_time();
        if (job->state == CCB_JOB_WAITING && job->due <= now)
            ccb_job_start(job);
        if (job->state == CCB_JOB_WAITING)
            ms = CLAMP((job->due - now) / 1000 + 1, 0, ms);
    }
    return ms;
}

static void report(const GPtrArray *jobs)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < jobs->len; i++) {
        const CcbJob *job = jobs->pdata[i];
        done += job->partial != NULL ? job->partial->size : job->item->got_size;
    }
    ccb_progress_update(done);
}

static bool run_jobs(GPtrArray *jobs, CURLM *multi, unsigned parallel, GError **error)
{
    while (count(jobs, CCB_JOB_FINISHED) < jobs->len) {
        gint64 ms = start_due(jobs, parallel);
        if (!ccb_http_turn(multi, (int)ms, error))
            return false;
        end_transfers(jobs, multi);
        report(jobs);
    }
    return true;
}

/* What is expected to arrive; 0 where the size of one of them is not known. */
static uint64_t total_size(const GPtrArray *downloads)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < downloads->len; i++) {
        const CcbFetchItem *item = ((const CcbDownload *)downloads->pdata[i])->item;
        if (item->size == 0)
            return 0;
        total += item->size;
    }
    return total;
}

static bool check_space(const CcbStore *store, const GPtrArray *downloads, GError **error)
{
    uint64_t missing = 0;
    for (unsigned i = 0; i < downloads->len; i++) {
        const CcbFetchItem *item = ((const CcbDownload *)downloads->pdata[i])->item;
        uint64_t present = ccb_partial_present(store, item->sha256);
        missing += item->size > present ? item->size - present : 0;
    }
    return ccb_store_check_space(store, missing, error);
}

static void begin_progress(const GPtrArray *downloads)
{
    const CcbDownload *first = downloads->pdata[0];
    g_autofree char *what = downloads->len == 1 ? g_strdup(first->item->name)
                                                : g_strdup_printf("%u files", downloads->len);
    ccb_progress_begin("fetch", what, total_size(downloads));
}

static void end_progress(const GPtrArray *downloads, bool ok)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < downloads->len; i++) {
        const CcbDownload *download = downloads->pdata[i];
        ok = ok && download->error == NULL;
        bytes += download->item->got_size;
    }
    g_autofree char *note = ccb_format_size(bytes);
    if (ok)
        ccb_progress_end(note);
    else
        ccb_progress_abort();
}

bool ccb_download_all(CcbStore *store, GPtrArray *downloads, const CcbFetchOptions *options,
                      GError **error)
{
    if (!check_space(store, downloads, error))
        return false;
    CURLM *multi = ccb_http_multi_new();
    GPtrArray *jobs = g_ptr_array_new_with_free_func(ccb_job_free);
    for (unsigned i = 0; i < downloads->len; i++)
        g_ptr_array_add(jobs, ccb_job_new(downloads->pdata[i], store, options, multi));
    begin_progress(downloads);
    bool ok = run_jobs(jobs, multi, MAX(options->parallel, 1), error);
    end_progress(downloads, ok);
    g_ptr_array_unref(jobs); /* before the multi, whose handles they hold */
    curl_multi_cleanup(multi);
    return ok;
}
