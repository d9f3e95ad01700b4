/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alibaba Cloud's Security Token Service, version 2015-04-01; private to this room.
 *
 * Requests are signed with the signature of RPC-style interfaces, HMAC-SHA1, version 1.0 ("Request
 * syntax and signature method V2 for RPC APIs" in its documentation), which the aliyun command line
 * tool sends, too.  All parameters are in the body, so that no proxy logs them.
 *
 * Each function reads these fields of the profile: sts_endpoint (a host, with https:// before it or
 * not), or else sts_region (the host is sts.REGION.aliyuncs.com); without both it is sts.aliyuncs.com.
 * Those that assume a role: ram_role_arn (must be there), ram_session_name, policy, external_id and
 * expired_seconds (by default an hour).
 *
 * Errors: CCB_ERR_USAGE (the endpoint), CCB_ERR_FETCH (STS does not answer, or refuses: with its code and
 * message), CCB_ERR_CANCELLED.
 */
#pragma once

#include "cloud/profile.h"

/* AssumeRole: replaces the keys of the caller with those of the role. */
bool ccb_sts_assume(const CcbProfile *profile, CcbCredentials *credentials, GError **error);

/* AssumeRoleWithOIDC: `token`, of the identity provider oidc_provider_arn, says who asks. */
bool ccb_sts_assume_by_token(const CcbProfile *profile, const char *token, CcbCredentials *ret,
                             GError **error);

/* GetCallerIdentity: the ARN of the owner of these keys, printable; caller frees.  Needs no permission. */
char *ccb_sts_identity(const CcbProfile *profile, const CcbCredentials *caller, GError **error);
