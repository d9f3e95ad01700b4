/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clang-format off */
/*
 *     WAITING ──► ACTIVE ──► FINISHED      the item has its file, or no URL is left to try
 *        ▲           │
 *        └───────────┘                     a pause before a retry, the next mirror, or another
 *                                          process holds the lock of the partial file
 *
 * run_downloads() starts a waiting download when it is due, and goes on when curl has ended an attempt.
 */
/* clang-format on */
#include "fetch/download.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "fetch/access.h"
#include "fetch/partial.h"
#include "fetch/url.h"
#include "http/handle.h"
#include "http/server.h"

enum {
    LOOP_POLL_MS = 250,
    LOCK_POLL_MS = 200,
    MAX_REDIRECTS = 10,
    PROGRESS_BYTES = 1 << 20, /* a try that adds this much does not count as failed */
    REFUSED_RETRIES = 2,      /* a server that is restarted is back by then */
};

static const char login_hint[] = "the server wants to know who asks: put a login into ~/.netrc or "
                                 "$CCBAKE_NETRC, or `header-file:` beside the URL";

static const char header_file_hint[] =
    "the server does not accept what the payload's `header-file:` says";

static const char max_size_hint[] =
    "if it is meant to be so large: `size:`, or `max-size:` in bytes, beside the URL";

typedef enum { WAITING, ACTIVE, FINISHED } State;

typedef enum {
    DONE,    /* all bytes are in the partial file; their digest is not compared yet */
    RETRY,   /* the same URL may work another time */
    REFUSED, /* this URL will never work */
    BROKEN,  /* the fault is on this host: no other URL can help */
    MOVED,   /* the server redirects to d->location */
} Outcome;

typedef struct {
    CcbPayload *item;
    CcbStore *store;
    const CcbFetchOptions *options;
    CURLM *multi;
    const char *netrc; /* or NULL */
    State state;
    gint64 due;          /* WAITING: monotonic time to go on */
    bool lock_announced; /* the user was told that another process downloads it */
    unsigned url;        /* index into item->urls */
    unsigned tries;      /* failed ones at this URL */
    unsigned redirects;  /* that led to d->location */
    char *location;      /* where the URL was redirected to; NULL: nowhere */
    unsigned retries;    /* how many are allowed, for what the last try failed of */
    uint64_t furthest;   /* the largest size that the partial file ever had */
    CcbPartial *partial; /* NULL until its lock is ours */

    /* The attempt under way; `easy` is NULL where there is none. */
    CURL *easy;
    struct curl_slist *headers;
    char message[CURL_ERROR_SIZE];
    uint64_t offset; /* where the server was asked to go on; 0: from the beginning */
    uint64_t total;  /* bytes of the whole file as far as known, or 0 */
    bool accepted;   /* the headers of the response are good */
    bool resumed;    /* ... and it continues the bytes that were there */
    Outcome outcome; /* with `error`: what a callback decided before it stopped curl */
    GError *error;
} Download;

void ccb_item_add_error(CcbPayload *item, GError *reason)
{
    if (item->error != NULL)
        g_prefix_error(&reason, "%s; ", item->error->message);
    g_clear_error(&item->error);
    item->error = reason;
}

bool ccb_item_find_in_store(CcbStore *store, CcbPayload *item, GError **error)
{
    struct stat st;
    GError *damage = NULL;
    if (item->sha256 == NULL)
        return true;
    g_autofree char *path = ccb_store_find(store, item->sha256, &damage);
    if (damage != NULL) {
        g_propagate_error(error, damage);
        return false;
    }
    if (path == NULL || stat(path, &st) != 0)
        return true;
    item->path = g_steal_pointer(&path);
    item->got_sha256 = g_strdup(item->sha256);
    item->got_size = (uint64_t)st.st_size;
    return true;
}

/* --- one attempt */

/* Whether a file of that many bytes is accepted; if not, what arrived of it is dropped. */
static bool check_max_size(Download *d, uint64_t size)
{
    uint64_t max = d->item->max_size != 0 ? d->item->max_size : CCB_FETCH_MAX_SIZE;
    if (size <= max)
        return true;
    g_autofree char *limit = ccb_format_size(max);
    ccb_partial_discard(d->partial, NULL);
    d->outcome = REFUSED;
    ccb_item_hint(d->item, "%s", max_size_hint);
    return ccb_fail(&d->error, CCB_ERR_FETCH, "the file is larger than %s", limit);
}

/* What the headers say, before the first byte of the body is taken. */
static bool accept_response(Download *d)
{
    const CcbPayload *item = d->item;
    long status = ccb_http_status(d->easy);
    uint64_t total = 0;
    d->outcome = REFUSED;
    if (status == 206 && d->offset > 0) {
        /* "bytes 100-199/200"; an asterisk stands for a total that the server does not know. */
        uint64_t start = 0, end = 0;
        const char *range = ccb_http_header(d->easy, "Content-Range");
        if (range == NULL ||
            sscanf(range, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &start, &end, &total) < 2 ||
            start != d->offset || (total != 0 && total <= start)) {
            ccb_partial_discard(d->partial, NULL);
            d->outcome = RETRY;
            return ccb_fail(&d->error, CCB_ERR_FETCH,
                            "the server sent another range than asked for");
        }
        d->resumed = true;
    } else if (status == 200) {
        if (!ccb_http_length(d->easy, &total, &d->error))
            return false;
    } else {
        return ccb_fail(&d->error, CCB_ERR_FETCH, "unexpected answer: HTTP %ld", status);
    }
    if (total != 0 && item->size != 0 && total != item->size) {
        ccb_item_hint_other_content(d->item);
        return ccb_fail(&d->error, CCB_ERR_FETCH,
                        "wrong size: the server offers %" PRIu64 " bytes, expected %" PRIu64, total,
                        item->size);
    }
    if (!check_max_size(d, total))
        return false;
    d->total = item->size != 0 ? item->size : total;

    d->outcome = BROKEN;
    if (status == 200) {
        /* A weak ETag does not promise equal bytes (RFC 9110, 13.1.5). */
        const char *etag = ccb_http_header(d->easy, "ETag");
        const char *validator =
            etag != NULL && etag[0] == '"' ? etag : ccb_http_header(d->easy, "Last-Modified");
        if (!ccb_partial_restart(d->partial, item->urls[d->url], validator, &d->error))
            return false;
    }
    uint64_t missing = d->total > d->partial->size ? d->total - d->partial->size : 0;
    d->accepted = ccb_store_check_space(d->store, missing, &d->error);
    return d->accepted;
}

static const char *url_of(const Download *d)
{
    return d->location != NULL ? d->location : d->item->urls[d->url];
}

static size_t on_body(char *data, G_GNUC_UNUSED size_t one, size_t size, void *user_data)
{
    Download *d = user_data;
    g_autofree char *location = ccb_http_redirect(d->easy, url_of(d));
    if (location != NULL)
        return 0; /* the text beside it is for browsers */
    if (!d->accepted && !accept_response(d))
        return 0;
    if (d->total != 0 && d->partial->size + size > d->total) {
        ccb_partial_discard(d->partial, NULL);
        d->outcome = REFUSED;
        ccb_item_hint_other_content(d->item);
        ccb_fail(&d->error, CCB_ERR_FETCH,
                 "wrong size: the server sends more than the expected %" PRIu64 " bytes", d->total);
        return 0;
    }
    if (!check_max_size(d, d->partial->size + size))
        return 0;
    return ccb_partial_append(d->partial, data, size, &d->error) ? size : 0;
}

static void end_attempt(Download *d)
{
    if (d->easy == NULL)
        return;
    curl_multi_remove_handle(d->multi, d->easy);
    g_clear_pointer(&d->easy, curl_easy_cleanup);
    g_clear_pointer(&d->headers, ccb_access_free_headers);
    g_clear_error(&d->error);
}

static void finish(Download *d)
{
    end_attempt(d);
    g_clear_pointer(&d->partial, ccb_partial_free);
    d->state = FINISHED;
}

/* Takes ownership of the error. */
static void fail(Download *d, GError *error)
{
    ccb_item_add_error(d->item, error);
    finish(d);
}

/* Asks the URL, or the one that it was redirected to. */
static void start_request(Download *d)
{
    GError *error = NULL;
    const CcbPayload *item = d->item;
    const char *url = url_of(d);
    d->offset = d->total = 0;
    d->accepted = d->resumed = false;
    d->outcome = BROKEN;
    d->state = ACTIVE;
    d->retries = d->options->retries;
    d->message[0] = '\0';
    d->easy = ccb_http_handle_new(url, d->message, d->options->stall_s);
    curl_easy_setopt(d->easy, CURLOPT_PRIVATE, d);
    curl_easy_setopt(d->easy, CURLOPT_REFERER, item->referer);
    curl_easy_setopt(d->easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(d->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(d->easy, CURLOPT_WRITEDATA, d);
    if (!ccb_access_set(d->easy, item, url, d->netrc, &d->headers, &error)) {
        fail(d, error);
        return;
    }

    /* With a pinned digest, bytes of another mirror, or of a server that gives no validator, may be
     * continued, too. */
    const char *validator =
        ccb_partial_is_from(d->partial, item->urls[d->url]) ? d->partial->validator : NULL;
    if (d->partial->size > 0 && (item->sha256 != NULL || validator != NULL)) {
        d->offset = d->partial->size;
        /* Not CURLOPT_RESUME_FROM: curl would take a server that ignores Range for a failure. */
        g_autofree char *range = g_strdup_printf("%" PRIu64 "-", d->offset);
        curl_easy_setopt(d->easy, CURLOPT_RANGE, range);
        if (validator != NULL) {
            g_autofree char *header = g_strconcat("If-Range: ", validator, NULL);
            d->headers = curl_slist_append(d->headers, header);
        }
    }
    curl_easy_setopt(d->easy, CURLOPT_HTTPHEADER, d->headers);
    curl_multi_add_handle(d->multi, d->easy);
}

static void start_attempt(Download *d)
{
    g_clear_pointer(&d->location, g_free);
    d->redirects = 0;
    start_request(d);
}

/* Takes ownership of `location`, to which url_of(d) redirects. */
static Outcome follow_redirect(Download *d, char *location, GError **error)
{
    g_autofree char *shown = ccb_url_redact(location);
    bool was_secure = g_ascii_strncasecmp(url_of(d), "https:", 6) == 0;
    g_free(d->location);
    d->location = location;
    if (++d->redirects > MAX_REDIRECTS)
        ccb_fail(error, CCB_ERR_FETCH, "more than %d redirects", MAX_REDIRECTS);
    else if (!ccb_url_is_remote(location))
        ccb_fail(error, CCB_ERR_FETCH, "redirected to %s: neither http nor https", shown);
    else if (was_secure && d->item->sha256 == NULL &&
             g_ascii_strncasecmp(location, "http:", 5) == 0)
        ccb_fail(error, CCB_ERR_FETCH,
                 "redirected from https to %s, and there is no digest to compare with", shown);
    else
        return MOVED;
    g_clear_pointer(&d->location, g_free);
    return REFUSED;
}

/* What the user can do about a connection that did not come about. */
static void hint_at_connection(Download *d, CURLcode code)
{
    const char *url = d->item->urls[d->url];
    g_autofree char *server = ccb_url_server(url);
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        ccb_item_hint(d->item, "is the name in %s right, and is there a network?", server);
    if (!ccb_http_is_refused(d->easy, code))
        return;
    g_autofree char *host = NULL;
    g_uri_split_network(url, G_URI_FLAGS_NONE, NULL, &host, NULL, NULL);
    bool is_here = host != NULL && ccb_http_is_this_host(host);
    d->retries = is_here ? 0 : MIN(d->retries, REFUSED_RETRIES);
    ccb_item_hint(d->item,
                  "nothing listens there: does the server of %s run, and is the port right?",
                  server);
}

/* What the user can do about an answer that is none. */
static void hint_at_status(CcbPayload *item, const char *url, long status)
{
    g_autofree char *directory = ccb_url_directory(url);
    if (status == 401)
        ccb_item_hint(item, "%s", item->header_file != NULL ? header_file_hint : login_hint);
    else if (status == 403)
        ccb_item_hint(
            item, "the server refuses access: it may want credentials%s",
            item->referer != NULL ? "" : ", or a `referer:` beside the URL, as some vendors do");
    else if (status == 407)
        ccb_item_hint(item, "the proxy wants credentials");
    else if ((status == 404 || status == 410) && item->is_resolved && item->relock != NULL)
        ccb_item_hint(item, "the server may have a newer version only: `%s`", item->relock);
    else if (status == 404 || status == 410)
        ccb_item_hint(item, "the version may not exist, or no more: look at %s", directory);
}

/* What came of the attempt; `code` is the result of curl.  Sets the error unless it is DONE or MOVED. */
static Outcome attempt_outcome(Download *d, CURLcode code, GError **error)
{
    char *location = ccb_http_redirect(d->easy, url_of(d));
    if (location != NULL)
        return follow_redirect(d, location, error);
    if (code == CURLE_OK && !d->accepted)
        accept_response(d); /* there was no body */
    if (d->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&d->error));
        return d->outcome;
    }
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        long status = ccb_http_status(d->easy);
        ccb_fail(error, CCB_ERR_FETCH, "HTTP %ld", status);
        hint_at_status(d->item, d->item->urls[d->url], status);
        if (status == 416 && d->offset > 0) /* more bytes were kept than the server has */
            return ccb_partial_discard(d->partial, NULL) ? RETRY : REFUSED;
        return ccb_http_status_is_transient(status) ? RETRY : REFUSED;
    }
    if (code != CURLE_OK) {
        ccb_fail(error, CCB_ERR_FETCH, "%s",
                 d->message[0] != '\0' ? d->message : curl_easy_strerror(code));
        hint_at_connection(d, code);
        return ccb_http_code_is_transient(code) ? RETRY : REFUSED;
    }
    if (d->partial->size >= d->total)
        return DONE;
    ccb_fail(error, CCB_ERR_FETCH, "the answer ended after %" PRIu64 " of %" PRIu64 " bytes",
             d->partial->size, d->total);
    return RETRY;
}

/* --- one download: attempts at its URLs, one after the other */

static void wait_ms(Download *d, gint64 ms)
{
    end_attempt(d);
    d->state = WAITING;
    d->due = g_get_monotonic_time() + ms * 1000;
}

/* Points d->url at the first remote URL from there on; false where none is left. */
static bool seek_remote(Download *d)
{
    char **urls = d->item->urls;
    while (urls[d->url] != NULL && !ccb_url_is_remote(urls[d->url]))
        d->url++;
    return urls[d->url] != NULL;
}

/* Takes ownership of the error. */
static void next_url(Download *d, GError *error)
{
    g_autofree char *shown = ccb_url_redact(d->item->urls[d->url]);
    g_autofree char *moved = d->location != NULL ? ccb_url_redact(d->location) : NULL;
    g_prefix_error(&error, "%s%s%s: ", shown, moved != NULL ? ": redirected to " : "",
                   moved != NULL ? moved : "");
    d->url++;
    d->tries = 0;
    if (!seek_remote(d)) {
        fail(d, error);
        return;
    }
    ccb_progress_line("%s: %s; trying the next mirror", d->item->label, error->message);
    ccb_item_add_error(d->item, error);
    wait_ms(d, 0);
}

/* Takes ownership of the error. */
static void retry(Download *d, GError *error)
{
    if (d->partial->size >= d->furthest + PROGRESS_BYTES)
        d->tries = 0;
    d->furthest = MAX(d->furthest, d->partial->size);
    if (d->tries++ >= d->retries) {
        if (d->tries > 1)
            g_prefix_error(&error, "gave up after try %u: ", d->tries);
        next_url(d, error);
        return;
    }
    gint64 ms = ccb_http_pause_ms(d->easy, d->options->backoff_ms, d->tries);
    ccb_progress_line("%s: %s; trying again in %.1f s", d->item->label, error->message,
                      (double)ms / 1000);
    g_error_free(error);
    wait_ms(d, ms);
}

/* All bytes are in the partial file: publishes it if they are the right ones. */
static void verify(Download *d)
{
    GError *error = NULL;
    CcbPayload *item = d->item;
    g_autofree char *got = ccb_partial_digest(d->partial);
    if (item->sha256 == NULL || strcmp(got, item->sha256) == 0) {
        if (ccb_store_hold(d->store, got, &error))
            item->path = ccb_partial_publish(d->partial, got, &error);
        if (item->path == NULL) {
            fail(d, error);
            return;
        }
        item->got_sha256 = g_steal_pointer(&got);
        item->got_size = d->partial->size;
        item->got_url = ccb_url_redact(item->urls[d->url]);
        g_autofree char *plain = g_strndup(item->got_url, strcspn(item->got_url, "?#"));
        g_autofree char *name = g_path_get_basename(plain);
        ccb_store_note(d->store, item->got_sha256, name);
        finish(d);
        return;
    }
    if (!ccb_partial_discard(d->partial, &error)) {
        fail(d, error);
        return;
    }
    ccb_fail(&error, CCB_ERR_FETCH, "wrong content: expected sha256 %s, got %s%s", item->sha256,
             got, item->urls[1] == NULL && !item->is_resolved ? "; no mirror is given" : "");
    ccb_item_hint_other_content(item);
    /* Bytes of an earlier run may be wrong rather than the server's. */
    if (d->easy == NULL || d->resumed)
        retry(d, error);
    else
        next_url(d, error);
}

static void start(Download *d)
{
    GError *error = NULL;
    CcbPayload *item = d->item;
    if (d->partial == NULL) {
        if (!ccb_partial_open(d->store, item->sha256, item->urls[0], &d->partial, &error)) {
            fail(d, error);
            return;
        }
        if (d->partial == NULL) {
            if (!d->lock_announced)
                ccb_progress_line("%s: waiting for another download of it to end", item->label);
            d->lock_announced = true;
            wait_ms(d, LOCK_POLL_MS);
            return;
        }
        d->furthest = d->partial->size;
    }
    /* Another process may have published it while we waited. */
    if (!ccb_item_find_in_store(d->store, item, &error))
        fail(d, error);
    else if (item->path != NULL)
        finish(d);
    /* An earlier run may have been killed between the last byte and the publication. */
    else if (item->size != 0 && d->partial->size == item->size)
        verify(d);
    else
        start_attempt(d);
}

static void on_attempt_end(Download *d, CURLcode code)
{
    GError *error = NULL;
    switch (attempt_outcome(d, code, &error)) {
    case DONE:
        verify(d);
        break;
    case MOVED:
        end_attempt(d);
        start_request(d);
        break;
    case RETRY:
        retry(d, error);
        break;
    case REFUSED:
        next_url(d, error);
        break;
    case BROKEN:
        fail(d, error);
        break;
    }
}

/* --- all of them */

static void download_free(void *data)
{
    Download *d = data;
    finish(d);
    g_free(d->location);
    g_free(d);
}

static bool run_downloads(const GPtrArray *downloads, CURLM *multi, unsigned parallel,
                          GError **error)
{
    for (;;) {
        unsigned active = 0, finished = 0;
        for (unsigned i = 0; i < downloads->len; i++) {
            const Download *d = downloads->pdata[i];
            active += d->state == ACTIVE;
            finished += d->state == FINISHED;
        }
        if (finished == downloads->len)
            return true;
        gint64 ms = LOOP_POLL_MS; /* until the next pause ends */
        for (unsigned i = 0; i < downloads->len && active < parallel; i++) {
            Download *d = downloads->pdata[i];
            gint64 now = g_get_monotonic_time();
            if (d->state != WAITING)
                continue;
            if (d->due <= now)
                start(d);
            if (d->state == WAITING)
                ms = CLAMP((d->due - now) / 1000 + 1, 0, ms);
            active += d->state == ACTIVE;
        }
        if (!ccb_http_turn(multi, (int)ms, error))
            return false;
        int left;
        for (CURLMsg *msg; (msg = curl_multi_info_read(multi, &left)) != NULL;) {
            Download *d = NULL;
            CURLcode code = msg->data.result; /* `msg` dies with the handle */
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &d);
            on_attempt_end(d, code);
        }
        uint64_t bytes = 0;
        for (unsigned i = 0; i < downloads->len; i++) {
            const Download *d = downloads->pdata[i];
            bytes += d->partial != NULL ? d->partial->size : d->item->got_size;
        }
        ccb_progress_update(bytes);
    }
}

bool ccb_download_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                      GError **error)
{
    uint64_t total = 0, missing = 0, got = 0;
    bool sizes_known = true;
    for (unsigned i = 0; i < items->len; i++) {
        const CcbPayload *item = items->pdata[i];
        if (!ccb_access_check(item, error)) {
            g_prefix_error(error, "%s: ", item->label);
            return false;
        }
        uint64_t present = ccb_partial_present(store, item->sha256);
        missing += item->size > present ? item->size - present : 0;
        total += item->size;
        sizes_known = sizes_known && item->size != 0;
    }
    g_autofree char *netrc = NULL;
    if (!ccb_store_check_space(store, missing, error) || !ccb_access_find_netrc(&netrc, error))
        return false;

    CURLM *multi = ccb_http_multi_new();
    GPtrArray *downloads = g_ptr_array_new_with_free_func(download_free);
    for (unsigned i = 0; i < items->len; i++) {
        Download *d = g_new0(Download, 1);
        *d = (Download){.item = items->pdata[i],
                        .store = store,
                        .options = options,
                        .multi = multi,
                        .netrc = netrc,
                        .retries = options->retries};
        seek_remote(d);
        g_ptr_array_add(downloads, d);
    }
    const CcbPayload *first = items->pdata[0];
    g_autofree char *what =
        items->len == 1 ? g_strdup(first->label) : g_strdup_printf("%u files", items->len);
    ccb_progress_begin("fetch", what, sizes_known ? total : 0);
    bool ok = run_downloads(downloads, multi, MAX(options->parallel, 1), error);
    g_ptr_array_unref(downloads); /* before the multi, which holds their handles */
    curl_multi_cleanup(multi);

    bool complete = ok;
    for (unsigned i = 0; i < items->len; i++) {
        const CcbPayload *item = items->pdata[i];
        complete = complete && item->path != NULL;
        got += item->got_size;
    }
    g_autofree char *note = ccb_format_size(got);
    if (complete)
        ccb_progress_end(note);
    else
        ccb_progress_abort();
    return ok;
}
