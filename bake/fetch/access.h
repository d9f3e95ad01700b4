/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Credentials for servers that do not serve everybody; private to this room.  They come from a netrc file, by the
 * server's name, and from the header-file of a payload, for the server of the payload's `url`.  Their content is held no
 * longer than a request lasts, and nothing else of this program sees it.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>

#include "fetch/fetch.h"

/* The netrc file to use (caller frees), or NULL in *ret_path: none.  Errors: CCB_ERR_INPUT, where the one that
 * $CCBAKE_NETRC names is missing or others can read it. */
bool ccb_access_find_netrc(char **ret_path, GError **error);

/* What is wrong with the header-file of the item, before any request is sent.  Errors: CCB_ERR_RECIPE (it would be sent
 * unencrypted), CCB_ERR_INPUT (it is missing or malformed, or others can read it), CCB_ERR_IO. */
bool ccb_access_check(const CcbPayload *item, GError **error);

/* Gives `handle`, which asks for `url`, the credentials for that server, and none of another one; headers are added to
 * *headers.  `url` may be what the item's server redirected to; `netrc` may be NULL.  Errors: as above. */
bool ccb_access_set(CURL *handle, const CcbPayload *item, const char *url, const char *netrc,
                    struct curl_slist **headers, GError **error);

/* Overwrites the list and frees it; accepts NULL. */
void ccb_access_free_headers(struct curl_slist *headers);
