/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uploads that nobody has completed: their parts cost money, and show nowhere. */
#pragma once

#include "cloud/object.h"

/* Aborts the uploads to keys that begin with the target's, and that began at least `days` days ago.
 * Returns those (of CcbUnfinished *; caller unrefs), or NULL. */
GPtrArray *ccb_stale_abort(CcbS3 *s3, unsigned days, GError **error);
