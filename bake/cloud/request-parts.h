/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room build requests with. */
#pragma once

#include "cloud/request.h"

/* `action`: a constant. */
CcbRequest *ccb_request_new(const char *action);

/* NULL and 0 are left out.  A parameter that is there is replaced. */
void ccb_request_add(CcbRequest *request, const char *name, const char *value);
void ccb_request_add_number(CcbRequest *request, const char *name, unsigned value);

/* The value of a parameter, owned by the request; NULL if it is not there. */
const char *ccb_request_get(const CcbRequest *request, const char *name);

/* Adds Tag.N; a NULL value is left out.  Errors: CCB_ERR_USAGE (a tag can't have this value). */
bool ccb_request_add_tag(CcbRequest *request, const char *key, const char *value, GError **error);

/* Adds the options, and then DryRun or ClientToken, which is made of all parameters and of `again`, so that the
 * same request, sent twice, is carried out once.  A dry run has none because it must not use it up.
 * Errors: CCB_ERR_USAGE. */
bool ccb_request_finish(CcbRequest *request, const CcbRequestOptions *options, GError **error);

/* Whether the name of one of the settings begins like that. */
bool ccb_request_sets(const CcbRequestOptions *options, const char *prefix);

/* Whether an option has the form of an ID: the prefix ("vsw-"), then letters, digits and any of
 * "-_.".  Errors: CCB_ERR_USAGE. */
bool ccb_request_check_id(const char *option, const char *id, const char *prefix, GError **error);
