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

/* As above, for files of the guest, read as its own programs do: anchors, aliases and tags are allowed (tags say
 * nothing), the last of several equal keys counts, and a file without a document is an empty map. */
CcbNode *ccb_yaml_parse_lenient(const char *text, size_t size, const char *name, GError **error);

CcbNode *ccb_yaml_load(const char *path, GError **error);
