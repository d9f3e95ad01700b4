/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a checked recipe means, independent of how and in which files it was written: for printing it, and for its digest. */
#pragma once

#include "recipe/schema.h"

/* Changes the values of a checked map as its fields say: numbers and booleans are plain scalars then, all others are not; a
 * file of the host is relative to the directory `dir` (absolute, without links), or absolute where it shares no more than
 * the root with it. */
void ccb_resolve(CcbNode *map, const CcbField *fields, const char *dir);
