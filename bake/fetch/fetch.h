/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * URL ► content store.
 *
 *     g_autoptr(CcbStore) store = ccb_store_open(dir, error);
 *     g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
 *     CcbPayload *item = g_new0(CcbPayload, 1);      fill in label, urls, sha256 ...
 *     g_ptr_array_add(items, item);
 *     if (!ccb_fetch_all(store, items, NULL, error))   all failing items are named in the error
 *         return false;
 *     use(item->path);
 *
 * An item comes from, in this order: the store; a local path among its URLs (used where it is,
 * never copied); its other URLs, as mirrors, in the order given.  Only the latter need the network.
 * A local file that is an item's only place must be what is expected, even if the store has that.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "fetch/store.h"

/* Far above any base image, and below what fills the disks of build machines unnoticed. */
#define CCB_FETCH_MAX_SIZE (64ull << 30)

/* A file that a bake needs: the base image, a payload of the recipe, or one that the lock resolved (a
 * package, a wheel). */
typedef struct {
    char *label;       /* the payload's name, the package */
    char *name;        /* file name in the guest, below CCB_PAYLOAD_DIR; fetching does not use it */
    char **urls;       /* http(s)://, file:// or absolute paths */
    char *referer;     /* or NULL */
    char *header_file; /* headers with credentials, for the server of urls[0] only; or NULL */
    /* Expected; NULL: not known yet, any content is accepted and its digest reported. */
    char *sha256;
    char **
        keys; /* of an rpm package: files with public keys, one of which has to have signed it.  NULL or empty:
                  * not asked for.  ccb_payloads_fetch() compares, not ccb_fetch_all(). */
    uint64_t size;     /* expected bytes; 0: not known */
    uint64_t max_size; /* bytes; a download that is larger is refused; 0: CCB_FETCH_MAX_SIZE */

    /* For messages; each may be NULL. */
    char *title;      /* what it is, and where the recipe says it; NULL: the label is enough */
    char *pinned_at;  /* where the recipe gives `sha256`: "FILE:LINE:COLUMN" */
    char *relock;     /* `sha256` is the lock's: the command that renews it */
    bool is_resolved; /* the lock has the URL, too: a step was resolved to it */

    /* Results of ccb_fetch_all(), set only on success. */
    char *path; /* a verified file: do not write to it */
    char *got_sha256;
    uint64_t got_size; /* bytes */
    char *got_url;     /* the URL that it came from, credentials removed; NULL: the store had it */

    /* Why there is no `path`: of every URL that was tried; and what may help, or NULL. */
    GError *error;
    char *hint;
} CcbPayload;

void ccb_payload_free(CcbPayload *payload); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPayload, ccb_payload_free)

typedef struct {
    bool offline;        /* nothing but the store and local files */
    unsigned parallel;   /* downloads at a time */
    unsigned retries;    /* for one URL, if less than 1 MiB arrives in between; fewer where the
                            connection is refused */
    unsigned backoff_ms; /* before the first retry; doubled each time, at most 30 s */
    long stall_s;        /* a connection without noteworthy progress for so long is dropped */
} CcbFetchOptions;

extern const CcbFetchOptions ccb_fetch_defaults;

/* `options` NULL: the defaults.  Errors: CCB_ERR_RECIPE (a digest or URL is malformed),
 * CCB_ERR_INPUT (a local file is missing or wrong), CCB_ERR_FETCH, CCB_ERR_HOST (space),
 * CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_fetch_all(CcbStore *store, GPtrArray *items, const CcbFetchOptions *options,
                   GError **error);

/* Compares the local files that are the only place of an item with the item's digest, where it has
 * one.  All that differ are named.  A file that is missing is no fault; with `store`, it is one unless
 * the store has the content.  Errors: CCB_ERR_INPUT, CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_fetch_check_local(const GPtrArray *items, const CcbStore *store, GError **error);
