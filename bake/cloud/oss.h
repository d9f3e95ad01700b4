/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of objects, as OSS's command-line tools write them: oss://BUCKET/KEY.  What names there are is
 * another matter with each kind of server:
 *
 *     CCB_NAMES_OSS    "Bucket naming conventions" and "Object naming conventions" of OSS: keys have
 *                      1 to 1,023 bytes and begin with neither slash
 *     CCB_NAMES_S3     "Object key naming" in the user guide of S3: up to 1,024 bytes; "Bucket naming
 *                      rules": periods, too
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { CCB_NAMES_OSS, CCB_NAMES_S3 } CcbNames;

/* The caller frees both; the key may be "", or end with a slash.  Errors: CCB_ERR_USAGE, where it is
 * something else, or where there is no such name. */
bool ccb_names_split(const char *url, CcbNames names, char **ret_bucket, char **ret_key,
                     GError **error);

/* The same for OSS. */
bool ccb_oss_split(const char *url, char **ret_bucket, char **ret_key, GError **error);

/* Whether there is such a key.  Errors: CCB_ERR_USAGE. */
bool ccb_names_check_key(const char *key, CcbNames names, GError **error);
