/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes into a bake beside base and payloads, and where it comes from: the recipe, its files, who bakes. */
#pragma once

#include "plan/plan.h"

/* An object with the manifest's members `files`, `recipe` and `baked_by` (ccbake(1)), without secrets.  `keys`: of the
 * steps.  Read before the steps run: files may change while they do.  New reference.  Errors: CCB_ERR_IO. */
json_t *ccb_inputs_read(const CcbPlan *plan, const char *const *keys, GError **error);
