/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/fetch.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/error.h"
#include "fetch/download.h"
#include "fetch/url.h"

const CcbFetchOptions ccb_fetch_defaults = {
    .parallel = 4,
    .retries = 5,
    .backoff_ms = 1000,
    .stall_s = 60,
};

static const char offline_hint[] =
    "run `ccbake fetch` on a connected machine and bring its store along";

static void clear_results(CcbFetchItem *item)
{
    g_clear_pointer(&item->path, g_free);
    g_clear_pointer(&item->got_sha256, g_free);
    g_clear_pointer(&item->got_url, g_free);
    item->got_size = 0;
}

void ccb_fetch_item_free(void *data)
{
    CcbFetchItem *item = data;
    if (item == NULL)
        return;
    clear_results(item);
    g_free(item->name);
    g_strfreev(item->urls);
    g_free(item->referer);
    g_free(item->sha256);
    g_free(item);
}

static bool check_url(const char *url, GError **error)
{
    g_autofree char *path = ccb_url_local_path(url);
    if (path != NULL || ccb_url_is_remote(url))
        return true;
    g_autofree char *shown = ccb_url_redact(url);
    return ccb_fail(error, CCB_ERR_RECIPE,
                    "%s: neither an http, https or file URL nor an absolute path", shown);
}

/* What is wrong with the request itself, found before anything is touched. */
static bool check_item(const CcbFetchItem *item, GError **error)
{
    if (item->sha256 != NULL && !ccb_digest_is_valid(item->sha256))
        return ccb_fail(error, CCB_ERR_RECIPE, "\"%s\" is not a SHA-256 digest", item->sha256);
    if (item->urls == NULL || item->urls[0] == NULL)
        return ccb_fail(error, CCB_ERR_RECIPE, "no URL is given");
    for (char **url = item->urls; *url != NULL; url++)
        if (!check_url(*url, error))
            return false;
    return true;
}

static bool check_local(const CcbFetchItem *item, const char *path, const struct stat *st,
                        const char *got, GError **error)
{
    if (item->size != 0 && (uint64_t)st->st_size != item->size)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s: wrong size: %" PRIu64 " bytes, expected %" PRIu64, path,
                        (uint64_t)st->st_size, item->size);
    if (item->sha256 != NULL && strcmp(got, item->sha256) != 0)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: wrong content: expected sha256 %s, got %s", path,
                        item->sha256, got);
    return true;
}

/* Fills in the results from a file that stays where it is. */
static bool use_local(CcbFetchItem *item, const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "%s", path);
    if (!S_ISREG(st.st_mode))
        return ccb_fail(error, CCB_ERR_INPUT, "%s: not a regular file", path);
    g_autofree char *got = ccb_digest_file_once(path, error);
    if (got == NULL || !check_local(item, path, &st, got, error))
        return false;
    item->path = g_strdup(path);
    item->got_sha256 = g_steal_pointer(&got);
    item->got_size = (uint64_t)st.st_size;
    item->got_url = g_strdup(path);
    return true;
}

static void try_local(CcbDownload *download)
{
    CcbFetchItem *item = download->item;
    for (char **url = item->urls; *url != NULL && item->path == NULL; url++) {
        g_autofree char *path = ccb_url_local_path(*url);
        g_autoptr(GError) reason = NULL;
        if (path != NULL && !use_local(item, path, &reason))
            ccb_download_note(download, reason);
    }
}

static char *remote_urls(const CcbFetchItem *item)
{
    g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func(g_free);
    for (char **url = item->urls; *url != NULL; url++)
        if (ccb_url_is_remote(*url))
            g_ptr_array_add(shown, ccb_url_redact(*url));
    g_ptr_array_add(shown, NULL);
    return g_strjoinv(", ", (char **)shown->pdata);
}

/* Without the network.  Leaves neither item->path nor download->error where the network is needed.
 */
static void resolve(CcbStore *store, CcbDownload *download, bool offline)
{
    CcbFetchItem *item = download->item;
    if (!ccb_download_from_store(store, download, &download->error) || item->path != NULL)
        return;
    try_local(download);
    if (item->path != NULL)
        return;
    g_autofree char *urls = remote_urls(item);
    if (*urls == '\0') {
        ccb_fail(&download->error, CCB_ERR_INPUT, "no other place to get it from");
    } else if (offline) {
        ccb_fail(&download->error, CCB_ERR_FETCH, "not in the store, and offline: %s (sha256 %s)",
                 urls, item->sha256 != NULL ? item->sha256 : "not pinned");
        download->hint = offline_hint;
    }
}

static char *describe(const CcbDownload *download)
{
    const GString *reasons = download->reasons;
    return g_strdup_printf("%s: %s%s%s", download->item->name, reasons->str,
                           reasons->len > 0 ? "; " : "", download->error->message);
}

/* One error that names all items that failed. */
static bool combine(const GPtrArray *downloads, GError **error)
{
    int code = 0;
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) hints = g_ptr_array_new();
    for (unsigned i = 0; i < downloads->len; i++) {
        const CcbDownload *download = downloads->pdata[i];
        if (download->error == NULL)
            continue;
        code = code != 0 ? code : ccb_exit_code(download->error);
        g_ptr_array_add(lines, describe(download));
        if (download->hint != NULL && !g_ptr_array_find(hints, download->hint, NULL))
            g_ptr_array_add(hints, (char *)download->hint);
    }
    if (lines->len == 0)
        return true;
    unsigned failed = lines->len;
    g_ptr_array_add(lines, NULL);
    g_autofree char *text = g_strjoinv("\n  ", (char **)lines->pdata);
    if (failed == 1)
        ccb_fail(error, (CcbErrorCode)code, "%s", text);
    else
        ccb_fail(error, (CcbErrorCode)code, "%u of %u files can't be had:\n  %s", failed,
                 downloads->len, text);
    for (unsigned i = 0; i < hints->len; i++)
        ccb_hint(error, "%s", (const char *)hints->pdata[i]);
    return false;
}

static bool check_items(const GPtrArray *downloads, GError **error)
{
    for (unsigned i = 0; i < downloads->len; i++) {
        CcbDownload *download = downloads->pdata[i];
        clear_results(download->item);
        check_item(download->item, &download->error);
    }
    return combine(downloads, error);
}

bool ccb_fetch_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                   GError **error)
{
    if (options == NULL)
        options = &ccb_fetch_defaults;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(ccb_download_free);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    for (unsigned i = 0; i < items->len; i++)
        g_ptr_array_add(all, ccb_download_new(items->pdata[i]));
    if (!check_items(all, error))
        return false;
    for (unsigned i = 0; i < all->len; i++) {
        CcbDownload *download = all->pdata[i];
        if (ccb_cancel_check(error))
            return false;
        resolve(store, download, options->offline);
        if (download->item->path == NULL && download->error == NULL)
            g_ptr_array_add(wanted, download);
    }
    /* What can't succeed is said before gigabytes are fetched for the rest. */
    if (!combine(all, error))
        return false;
    if (wanted->len > 0 && !ccb_download_all(store, wanted, options, error))
        return false;
    return combine(all, error);
}
