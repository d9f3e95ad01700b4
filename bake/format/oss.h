/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of objects in OSS, as its command-line tools write them: oss://BUCKET/KEY. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The caller frees both; the key may be "", or end with a slash.  Errors: CCB_ERR_USAGE, where it is
 * something else, or where OSS's naming conventions for buckets and objects don't have such a name.
 */
bool ccb_oss_split(const char *url, char **ret_bucket, char **ret_key, GError **error);

/* Whether OSS's "Object naming conventions" have such a key.  Errors: CCB_ERR_USAGE. */
bool ccb_oss_check_key(const char *key, GError **error);
