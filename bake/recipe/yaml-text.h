/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes ► YAML text. */
#pragma once

#include "recipe/node.h"

/* A map as a block of YAML that recipe/yaml.h reads as the same map.  Plain scalars that look like numbers or booleans stay
 * so; any other text that does is quoted.  Behind a line whose value is not of `file` follows a comment with the place that
 * it is of.  Caller frees. */
char *ccb_yaml_text(const CcbNode *map, const char *file);

/* A string as YAML has it: as it is where it is plain and would not be read as a number, a boolean or null, else in double
 * quotes.  Caller frees. */
char *ccb_yaml_scalar(const char *text);
