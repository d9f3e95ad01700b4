/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML text ► nodes; the only user of libfyaml.  A recipe needs the plain part of YAML: aliases,
 * anchors, tags, several documents, keys that are no scalars, duplicate keys and texts over 1 MiB
 * are refused.
 */
#pragma once

#include "recipe/node.h"

/* `name` is what errors call the file.  Errors: CCB_ERR_RECIPE with file:line:column. */
CcbNode *ccb_yaml_parse(const char *text, size_t size, const char *name, GError **error);
CcbNode *ccb_yaml_load(const char *path, GError **error);
