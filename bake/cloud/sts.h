/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alibaba Cloud's Security Token Service, version 2015-04-01; private to this room.
 *
 * Requests are signed with the signature of RPC-style interfaces, HMAC-SHA1, version 1.0 ("Request
 * syntax and signature method V2 for RPC APIs" in its documentation), which is also what the aliyun
 * command line tool sends.  All parameters are in the body, so that no log of a proxy gets them.
 */
#pragma once

#include "cloud/credentials.h"

/* A role that is to be assumed.  NULL: not given, where nothing else is said. */
typedef struct {
    const char *endpoint;          /* a host, with https:// before it or not; or ... */
    const char *region;            /* ... sts.REGION.aliyuncs.com; both NULL: sts.aliyuncs.com */
    const char *arn, *session;     /* must be given */
    const char *external, *policy; /* ExternalId and Policy */
    gint64 seconds;                /* how long the keys last; 0: an hour */
} CcbStsRole;

/* AssumeRole, by `caller`.  `ret` may be the caller.  Errors: CCB_ERR_USAGE (the endpoint),
 * CCB_ERR_FETCH (STS does not answer, or refuses: with its code and message), CCB_ERR_CANCELLED. */
bool ccb_sts_assume(const CcbStsRole *role, const CcbCredentials *caller, CcbCredentials *ret,
                    GError **error);

/* AssumeRoleWithOIDC: the token of an identity provider says who asks. */
bool ccb_sts_assume_by_token(const CcbStsRole *role, const char *provider_arn, const char *token,
                             CcbCredentials *ret, GError **error);

/* GetCallerIdentity: the ARN of whom these keys are, printable; caller frees.  Needs no permission.
 * Endpoint, region and errors as above. */
char *ccb_sts_identity(const CcbCredentials *caller, const char *endpoint, const char *region,
                       GError **error);
