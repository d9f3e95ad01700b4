/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The URLs of base images and payloads. */
#pragma once

#include <glib.h>
#include <stdbool.h>

bool ccb_url_is_remote(const char *url); /* http:// or https:// */

/* The path that a file:// URL or an absolute path names (caller frees), or NULL. */
char *ccb_url_local_path(const char *url);

/* The URL as it may be shown and recorded: without user:password@, and without the query, where
 * presigned URLs carry their signature.  Caller frees. */
char *ccb_url_redact(const char *url);

/* The URL without user:password@ and without the parameters of its query that are secrets by their names: what identifies
 * the file.  Caller frees. */
char *ccb_url_identity(const char *url);

/* "http://host:port" and "http://host:port/dir/" of a remote URL, fit to be shown; caller frees. */
char *ccb_url_server(const char *url);
char *ccb_url_directory(const char *url);
