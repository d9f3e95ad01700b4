/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `extends: other.yaml`: the other recipe with this one laid over it.  Maps are merged key by key, any other value replaces
 * the other recipe's; the exceptions are steps (recipe/steplist.h), what describes a file (base and payloads), and checks: one
 * replaces the check of the same name, or is added.
 */
#pragma once

#include "recipe/node.h"

/* Loads a recipe file, or ccbake:NAME, and all that it extends, merged.  The file of the result is that of the recipe itself.
 * Errors: CCB_ERR_RECIPE with file:line:column. */
CcbNode *ccb_extends_load(const char *path, GError **error);
