/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl as ccbake sets it up, for downloads (fetch/) and requests (http/exchange.h).  A handle of
 * ccb_http_handle_new() is added to a multi handle of ccb_http_multi_new(), which ccb_http_turn() drives.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Speaks http and https, trusts what the curl tool trusts, and gives up a connection that makes no
 * progress for `stall_s` seconds.  `message`: CURL_ERROR_SIZE bytes that outlive the handle. */
CURL *ccb_http_handle_new(const char *url, char *message, long stall_s);

CURLM *ccb_http_multi_new(void); /* to be freed with curl_multi_cleanup() */

/* Sends and receives what it can, waiting up to `ms` milliseconds for something to do.  Errors:
 * CCB_ERR_CANCELLED. */
bool ccb_http_turn(CURLM *multi, int ms, GError **error);

/* The status and a header of the answer; 0 and NULL if there is none. */
long ccb_http_status(CURL *handle);
const char *ccb_http_header(CURL *handle, const char *name);

/* What Content-Length says, in bytes; 0 where the answer has none.  Errors: CCB_ERR_FETCH, for what is no length, and for
 * headers that contradict each other. */
bool ccb_http_length(CURL *handle, uint64_t *ret_length, GError **error);

/* Whether the same request may succeed another time. */
bool ccb_http_code_is_transient(CURLcode code);
bool ccb_http_status_is_transient(long status);

/* Whether a server, or the proxy before it, refused the connection: nothing listens there. */
bool ccb_http_is_refused(CURL *handle, CURLcode code);

/* The pause, in milliseconds, before try number `tries` + 1: it doubles each time from `first_ms` on, up to 30 s,
 * with a random share, so that clients that one fault hit do not come back at once.  It is not shorter than the
 * answer asks for, up to a minute.  `handle` may be NULL. */
gint64 ccb_http_pause_ms(CURL *handle, unsigned first_ms, unsigned tries);

/* Whether a host, by its name or address, is this one. */
bool ccb_http_is_this_host(const char *host);
