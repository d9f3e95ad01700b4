/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room build requests with. */
#pragma once

#include "cloud/request.h"

/* `action`: a constant. */
CcbRequest *ccb_request_new(const char *action);

/* A NULL value is left out. */
void ccb_request_add(CcbRequest *request, const char *name, const char *value);
void ccb_request_add_number(CcbRequest *request, const char *name, unsigned value);

/* The value of a parameter, of the request; NULL without one. */
const char *ccb_request_get(const CcbRequest *request, const char *name);

/* Tag.N; a NULL value is left out.  Errors: CCB_ERR_USAGE for what no tag may hold. */
bool ccb_request_add_tag(CcbRequest *request, const char *key, const char *value, GError **error);

/* Adds what `options` say, and then ClientToken, made of all parameters before and `again`, so that the
 * same request, sent twice, is carried out once; or DryRun, which must not use that token up.  Errors:
 * CCB_ERR_USAGE. */
bool ccb_request_finish(CcbRequest *request, const CcbRequestOptions *options, GError **error);

/* Whether one of the settings is for a parameter of that beginning. */
bool ccb_request_sets(const CcbRequestOptions *options, const char *prefix);

/* Whether an option has the form of an ID: the prefix ("vsw-"), then letters, digits and any of
 * "-_.".  Errors: CCB_ERR_USAGE. */
bool ccb_request_check_id(const char *option, const char *id, const char *prefix, GError **error);
