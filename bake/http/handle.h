/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl as ccbake sets it up: what downloads (fetch/) and uploads (http/exchange.h) have in
 * common.  A handle of ccb_http_handle_new() goes into a multi of ccb_http_multi_new(), which
 * ccb_http_turn() drives.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>

/* Speaks http and https, trusts what the curl tool trusts, and gives up a connection that stands
 * still for `stall_s` seconds.  `message`: CURL_ERROR_SIZE bytes that outlive the handle. */
CURL *ccb_http_handle_new(const char *url, char *message, long stall_s);

CURLM *ccb_http_multi_new(void); /* to be freed with curl_multi_cleanup() */

/* Waits up to `ms` milliseconds for something to happen, and works on it.  Errors:
 * CCB_ERR_CANCELLED. */
bool ccb_http_turn(CURLM *multi, int ms, GError **error);

/* Of an answer. */
long ccb_http_status(CURL *handle);                          /* 0: there is none yet */
const char *ccb_http_header(CURL *handle, const char *name); /* NULL: not there */

/* Whether the same request may do better another time. */
bool ccb_http_code_is_transient(CURLcode code);
bool ccb_http_status_is_transient(long status);

/* The pause before try number `tries` + 1: doubled each time from `first_ms` on, at most 30 s, never
 * the same for two clients that the same fault hit; no shorter than what the answer asks for, up to
 * a minute.  `handle` may be NULL. */
gint64 ccb_http_pause_ms(CURL *handle, unsigned first_ms, unsigned tries);

/* Whether a host, by its name or address, is this one. */
bool ccb_http_is_this_host(const char *host);
