/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ~/.aliyun/config.json, the profiles of the aliyun command line tool; private to this room. */
#pragma once

#include "upload/credentials.h"

/* The profile `name`; where that is NULL, $ALIBABA_CLOUD_PROFILE or the file's current one, and *ret
 * stays NULL where there is no file or it has none.  Errors: CCB_ERR_USAGE. */
bool ccb_profile_read(const char *name, CcbCredentials **ret, GError **error);
