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

static void clear_results(CcbPayload *item)
{
    g_clear_pointer(&item->path, g_free);
    g_clear_pointer(&item->got_sha256, g_free);
    g_clear_pointer(&item->got_url, g_free);
    item->got_size = 0;
    g_clear_error(&item->error);
    g_clear_pointer(&item->hint, g_free);
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
    g_free(item->title);
    g_free(item->pinned_at);
    g_free(item->relock);
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

void ccb_item_hint(CcbPayload *item, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_free(item->hint);
    item->hint = g_strdup_vprintf(format, args);
    va_end(args);
}

void ccb_item_hint_other_content(CcbPayload *item)
{
    if (item->relock != NULL)
        ccb_item_hint(item, "where the file changed on purpose: `%s`", item->relock);
    else if (item->pinned_at != NULL)
        ccb_item_hint(item, "update the digest at %s, or the file", item->pinned_at);
    else
        ccb_item_hint(item, "update what the recipe expects, or the file");
}

/* The digest of a local file, if it is what the item should be; caller frees. */
static char *check_local(CcbPayload *item, const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_INPUT, "%s", path);
        ccb_item_hint(item, "put the file there, or correct its path");
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        ccb_fail(error, CCB_ERR_INPUT, "%s: not a regular file", path);
        return NULL;
    }
    g_autofree char *got = ccb_digest_file_once(path, error);
    if (got == NULL)
        return NULL;
    bool is_right = item->sha256 == NULL || strcmp(got, item->sha256) == 0;
    if (is_right && (item->size == 0 || (uint64_t)st.st_size == item->size))
        return g_steal_pointer(&got);
    ccb_item_hint_other_content(item);
    if (is_right)
        ccb_fail(error, CCB_ERR_INPUT, "%s: wrong size: %" PRIu64 " bytes, expected %" PRIu64, path,
                 (uint64_t)st.st_size, item->size);
    else
        ccb_fail(error, CCB_ERR_INPUT, "%s is not the file of the %s (sha256 expected %s, is %s)",
                 path, item->relock != NULL ? "lock" : "recipe", item->sha256, got);
    return NULL;
}

/* Fills in the results from a file that stays where it is. */
static bool use_local(CcbPayload *item, const char *path, GError **error)
{
    struct stat st;
    item->got_sha256 = check_local(item, path, error);
    if (item->got_sha256 == NULL)
        return false;
    item->path = g_strdup(path);
    item->got_size = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
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
    if (remote->len == 0)
        return false;
    if (!offline)
        return true;
    GError *reason = NULL;
    g_ptr_array_add(remote, NULL);
    g_autofree char *urls = g_strjoinv(", ", (char **)remote->pdata);
    ccb_fail(&reason, CCB_ERR_FETCH, "not in the store, and offline: %s (sha256 %s)", urls,
             item->sha256 != NULL ? item->sha256 : "not pinned");
    ccb_item_add_error(item, reason);
    ccb_item_hint(item, "run `ccbake fetch` on a connected machine and copy its store to this one");
    return false;
}

/* One error that names all items that failed, of so many `items`; true where none did.  `what`: what
 * several of them have in common. */
static bool combine(const GPtrArray *failed, unsigned items, const char *what, GError **error)
{
    if (failed->len == 0)
        return true;
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GPtrArray) hints = g_ptr_array_new();
    if (failed->len > 1)
        g_string_printf(lines, "%u of %u files %s:\n  ", failed->len, items, what);
    for (unsigned i = 0; i < failed->len; i++) {
        const CcbPayload *item = failed->pdata[i];
        g_string_append_printf(lines, "%s%s: %s", i > 0 ? "\n  " : "",
                               item->title != NULL ? item->title : item->label,
                               item->error->message);
        if (item->hint != NULL &&
            !g_ptr_array_find_with_equal_func(hints, item->hint, g_str_equal, NULL))
            g_ptr_array_add(hints, item->hint);
    }
    const CcbPayload *first = failed->pdata[0];
    ccb_fail(error, (CcbErrorCode)ccb_exit_code(first->error), "%s", lines->str);
    for (unsigned i = 0; i < hints->len; i++)
        ccb_hint(error, "%s", (const char *)hints->pdata[i]);
    return false;
}

static bool is_local_only(const CcbPayload *item)
{
    for (char **url = item->urls; *url != NULL; url++)
        if (ccb_url_is_remote(*url))
            return false;
    return true;
}

/* Whether one of the item's local files is what it should be, or all are missing and may be. */
static bool is_one_right(CcbPayload *item, const CcbStore *store)
{
    bool may_miss = store == NULL || ccb_store_has(store, item->sha256, item->size);
    for (char **url = item->urls; *url != NULL; url++) {
        GError *reason = NULL;
        g_autofree char *path = ccb_url_local_path(*url);
        if (path == NULL || (may_miss && !g_file_test(path, G_FILE_TEST_EXISTS)))
            continue;
        g_autofree char *got = check_local(item, path, &reason);
        if (got != NULL) {
            clear_results(item);
            return true;
        }
        ccb_item_add_error(item, reason);
    }
    return item->error == NULL;
}

bool ccb_fetch_check_local(const GPtrArray *items, const CcbStore *store, GError **error)
{
    g_autoptr(GPtrArray) failed = g_ptr_array_new();
    for (unsigned i = 0; i < items->len; i++) {
        CcbPayload *item = items->pdata[i];
        clear_results(item);
        if (ccb_cancel_check(error))
            return false;
        if (item->sha256 != NULL && is_local_only(item) && !is_one_right(item, store))
            g_ptr_array_add(failed, item);
    }
    return combine(failed, items->len, "are missing, or not what they should be", error);
}

bool ccb_fetch_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                   GError **error)
{
    static const char fault[] = "can't be fetched";
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
    if (!combine(failed, items->len, fault, error) || !ccb_fetch_check_local(items, store, error))
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
    if (!combine(failed, items->len, fault, error))
        return false;
    if (wanted->len > 0 && !ccb_download_all(store, wanted, options, error))
        return false;
    for (unsigned i = 0; i < wanted->len; i++)
        if (((const CcbPayload *)wanted->pdata[i])->path == NULL)
            g_ptr_array_add(failed, wanted->pdata[i]);
    return combine(failed, items->len, fault, error);
}
