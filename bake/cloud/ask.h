/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request to a service that gives out keys; private to this room. */
#pragma once

#include <jansson.h>

#include "cloud/credentials.h"
#include "http/exchange.h"

/* Waits for the answer, whatever its status is.  Returns its body (to be freed with
 * ccb_secret_clear()).  Errors, with `who` before them: CCB_ERR_FETCH, CCB_ERR_CANCELLED. */
char *ccb_ask(const CcbHttpRequest *request, const char *who, long *ret_status, GError **error);

/* Takes AccessKeyId, AccessKeySecret, SecurityToken and, where it is there, Expiration (ISO 8601)
 * out of an answer; false without an error where one of the first three is missing. */
bool ccb_ask_take(const json_t *answer, CcbCredentials *ret);
