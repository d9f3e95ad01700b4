/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which server a URL names, as libcurl reads URLs, and where a server redirects to. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

/* Whether nobody on the way can read what is sent to that URL: it goes by https, or to this host. */
bool ccb_http_is_private(const char *url);

/* Whether both URLs have the same scheme, host and port. */
bool ccb_http_is_same_server(const char *a, const char *b);

/* Where the answer to a request for `url` leads to, or NULL: it is no redirect.  The login that the URL holds is kept on
 * the same server.  Caller frees.  Redirects are followed by the caller, as libcurl would send headers with credentials
 * to any server. */
char *ccb_http_redirect(CURL *handle, const char *url);
