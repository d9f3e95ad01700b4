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
    "run `ccbake fetch` on a connected machine and copy its store to this one";

static void clear_results(CcbPayload *item)
{
    g_clear_pointer(&item->path, g_free);
    g_clear_pointer(&item->got_sha256, g_free);
    g_clear_pointer(&item->got_url, g_free);
    item->got_size = 0;
    g_clear_error(&item->error);
    item->hint = NULL;
}

void ccb_payload_free(CcbPayload *item)
{
    if (item == NULL)
        return;
    clear_results(item);
    g_free(item->label);
    g_free(item->name);
    g_strfreev(item->urls);
    g_free(item->referer);
    g_free(item->header_file);
    g_free(item->sha256);
    g_strfreev(item->keys);
    g_free(item);
}

/* What is wrong with the request itself, found before anything is touched. */
static bool check_item(const CcbPayload *item, GError **error)
{
    if (item->sha256 != NULL && !ccb_digest_is_valid(item->sha256))
        return ccb_fail(error, CCB_ERR_RECIPE, "\"%s\" is not a SHA-256 digest", item->sha256);
    if (item->urls == NULL || item->urls[0] == NULL)
        return ccb_fail(error, CCB_ERR_RECIPE, "no URL is given");
    for (char **url = item->urls; *url != NULL; url++) {
        g_autofree char *path = ccb_url_local_path(*url);
        g_autofree char *shown = ccb_url_redact(*url);
        if (path == NULL && !ccb_url_is_remote(*url))
            return ccb_fail(error, CCB_ERR_RECIPE,
                            "%s: neither an http, https or file URL nor an absolute path", shown);
    }
    return true;
}

/* Fills in the results from a file that stays where it is. */
static bool use_local(CcbPayload *item, const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "%s", path);
    if (!S_ISREG(st.st_mode))
        return ccb_fail(error, CCB_ERR_INPUT, "%s: not a regular file", path);
    g_autofree char *got = ccb_digest_file_once(path, error);
    if (got == NULL)
        return false;
    if (item->size != 0 && (uint64_t)st.st_size != item->size)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s: wrong size: %" PRIu64 " bytes, expected %" PRIu64, path,
                        (uint64_t)st.st_size, item->size);
    if (item->sha256 != NULL && strcmp(got, item->sha256) != 0)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: wrong content: expected sha256 %s, got %s", path,
                        item->sha256, got);
    item->path = g_strdup(path);
    item->got_sha256 = g_steal_pointer(&got);
    item->got_size = (uint64_t)st.st_size;
    item->got_url = g_strdup(path);
    return true;
}

/* Looks for the item where no network is needed.  Returns whether it must be downloaded; if not,
 * item->path or item->error is set. */
static bool must_download(CcbStore *store, CcbPayload *item, bool offline)
{
    g_autoptr(GPtrArray) remote = g_ptr_array_new_with_free_func(g_free);
    if (!ccb_item_find_in_store(store, item, &item->error) || item->path != NULL)
        return false;
    for (char **url = item->urls; *url != NULL; url++) {
        GError *reason = NULL;
        g_autofree char *path = ccb_url_local_path(*url);
        if (path == NULL)
            g_ptr_array_add(remote, ccb_url_redact(*url));
        else if (use_local(item, path, &reason))
            return false;
        else
            ccb_item_add_error(item, reason);
    }
    if (remote->len > 0 && !offline)
        return true;
    GError *reason = NULL;
    if (remote->len == 0) {
        ccb_fail(&reason, CCB_ERR_INPUT, "no other place to get it from");
    } else {
        g_ptr_array_add(remote, NULL);
        g_autofree char *urls = g_strjoinv(", ", (char **)remote->pdata);
        ccb_fail(&reason, CCB_ERR_FETCH, "not in the store, and offline: %s (sha256 %s)", urls,
                 item->sha256 != NULL ? item->sha256 : "not pinned");
        item->hint = offline_hint;
    }
    ccb_item_add_error(item, reason);
    return false;
}

/* One error that names all items that failed; true where none did. */
static bool combine(const GPtrArray *failed, unsigned items, GError **error)
{
    if (failed->len == 0)
        return true;
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GPtrArray) hints = g_ptr_array_new();
    if (failed->len > 1)
        g_string_printf(lines, "%u of %u files can't be fetched:\n  ", failed->len, items);
    for (unsigned i = 0; i < failed->len; i++) {
        const CcbPayload *item = failed->pdata[i];
        g_string_append_printf(lines, "%s%s: %s", i > 0 ? "\n  " : "", item->label,
                               item->error->message);
        if (item->hint != NULL && !g_ptr_array_find(hints, item->hint, NULL))
            g_ptr_array_add(hints, (char *)item->hint);
    }
    const CcbPayload *first = failed->pdata[0];
    ccb_fail(error, (CcbErrorCode)ccb_exit_code(first->error), "%s", lines->str);
    for (unsigned i = 0; i < hints->len; i++)
        ccb_hint(error, "%s", (const char *)hints->pdata[i]);
    return false;
}

bool ccb_fetch_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                   GError **error)
{
    if (options == NULL)
        options = &ccb_fetch_defaults;
    g_autoptr(GPtrArray) failed = g_ptr_array_new();
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    for (unsigned i = 0; i < items->len; i++) {
        CcbPayload *item = items->pdata[i];
        clear_results(item);
        if (!check_item(item, &item->error))
            g_ptr_array_add(failed, item);
    }
    if (!combine(failed, items->len, error))
        return false;
    for (unsigned i = 0; i < items->len; i++) {
        CcbPayload *item = items->pdata[i];
        if (ccb_cancel_check(error))
            return false;
        if (must_download(store, item, options->offline))
            g_ptr_array_add(wanted, item);
        else if (item->path == NULL)
            g_ptr_array_add(failed, item);
    }
    /* What can't succeed is reported before gigabytes are downloaded for the rest. */
    if (!combine(failed, items->len, error))
        return false;
    if (wanted->len > 0 && !ccb_download_all(store, wanted, options, error))
        return false;
    for (unsigned i = 0; i < wanted->len; i++)
        if (((const CcbPayload *)wanted->pdata[i])->path == NULL)
            g_ptr_array_add(failed, wanted->pdata[i]);
    return combine(failed, items->len, error);
}
