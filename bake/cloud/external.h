/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that another program gives out; private to this room. */
#pragma once

#include "cloud/profile.h"

/* Runs a command and takes what it prints as JSON: "mode" ("AK" or "StsToken"), "access_key_id",
 * "access_key_secret", "sts_token" and, where it is there, "expiration" (ISO 8601), as "Use an
 * external program to get credentials" in the README of the aliyun tool says.  The command is split
 * as a shell does it, and no shell runs it; what it prints on standard error is passed on.
 * `limit_s`: seconds that it may take.  Errors: CCB_ERR_USAGE (the command), CCB_ERR_HOST (it
 * fails, takes too long, or gives no keys), CCB_ERR_CANCELLED. */
bool ccb_external_run(const char *command, unsigned limit_s, CcbCredentials *ret, GError **error);

/* GET of a URI, whose answer is JSON: "Code" ("Success"), "AccessKeyId", "AccessKeySecret",
 * "SecurityToken", "Expiration": "Use Credentials URI" at the same place.  Errors: CCB_ERR_FETCH,
 * CCB_ERR_USAGE (the URI), CCB_ERR_CANCELLED. */
bool ccb_external_get(const char *uri, CcbCredentials *ret, GError **error);
