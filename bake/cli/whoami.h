/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake upload --whoami`: whose credentials an upload would take. */
#pragma once

#include "cloud/credentials.h"

/* Prints source, the ends of the access key ID and, for a server of Alibaba Cloud's, the ARN, which
 * is asked of STS: a warning where that is in vain.  Errors as for ccb_credentials_find(). */
bool ccb_whoami(const CcbCredentialsOptions *options, bool json, GError **error);
