/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that somebody else gives out: a program, a URI, the metadata service of ECS.  Private to this
 * room.
 */
#pragma once

#include "cloud/profile.h"
#include "http/exchange.h"

/* Sends one request and waits for the answer, whatever its status is.  Returns its body (caller frees with
 * ccb_secret_clear()).  Errors, each begins with `who`: CCB_ERR_FETCH, CCB_ERR_CANCELLED. */
char *ccb_external_ask(const CcbHttpRequest *request, const char *who, long *ret_status,
                       GError **error);

/* Copies AccessKeyId, AccessKeySecret, SecurityToken and, if present, Expiration (ISO 8601) from an answer.
 * Returns false, without an error, if one of the first three is missing. */
bool ccb_external_take(const json_t *answer, CcbCredentials *ret);

/* Runs a command that prints keys as JSON: "mode" ("AK" or "StsToken"), "access_key_id",
 * "access_key_secret", "sts_token" and optionally "expiration" (ISO 8601); see "Use an external program
 * to get credentials" in the README of the aliyun tool.  The command is split into words as a shell
 * would do it, but no shell runs it; its standard error is shown to the user.  `limit_s`: seconds
 * that it may take.  Errors: CCB_ERR_USAGE (the command), CCB_ERR_HOST (it fails, takes too long, or
 * prints no keys), CCB_ERR_CANCELLED. */
bool ccb_external_run(const char *command, unsigned limit_s, CcbCredentials *ret, GError **error);

/* Gets keys from a URI, which answers in JSON: "Code" ("Success"), "AccessKeyId", "AccessKeySecret",
 * "SecurityToken", "Expiration"; see "Use Credentials URI" in the same README.  Errors: CCB_ERR_FETCH,
 * CCB_ERR_USAGE (the URI), CCB_ERR_CANCELLED. */
bool ccb_external_get(const char *uri, CcbCredentials *ret, GError **error);

/* --- The metadata service of the ECS instance that ccbake runs on */

/* The name of the instance's RAM role (caller frees), from $ALIBABA_CLOUD_ECS_METADATA or the service.  *ret
 * stays NULL if this is no instance, or it has no role.  Errors: CCB_ERR_USAGE (the variable),
 * CCB_ERR_CANCELLED. */
bool ccb_role_find(char **ret, GError **error);

/* The present keys of a role; NULL: the instance's role.  Errors: CCB_ERR_FETCH, CCB_ERR_HOST (the
 * instance has no role), CCB_ERR_CANCELLED. */
bool ccb_role_ask(const char *role, CcbCredentials *ret, GError **error);

/* The region of the instance (caller frees), or NULL. */
char *ccb_role_region(void);
