/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared libraries of the image, in the directories where ld.so looks first. */
#pragma once

#include "check/context.h"

/* Where el8 has them: what messages name. */
#define CCB_LIBRARY_DIR "/usr/lib64"

/* The versions of the files PREFIX<version>, "570.148.08" for the prefix "libcuda.so."; links that
 * are named after an ABI (libcuda.so.1) have no dot and do not count.  Never NULL; caller unrefs the
 * array, the strings belong to the context. */
GPtrArray *ccb_check_library_versions(CcbCheckContext *ctx, const char *prefix, GError **error);

/* Whether a library of that name is there, and no link that leads nowhere. */
bool ccb_check_has_library(CcbCheckContext *ctx, const char *name, GError **error);

/* Fails the result for each library that a program of the image, or a library that it loads, needs
 * and ld.so would not find: the program ends with 127 before it has begun.  A program that is not
 * there, and a script, need none. */
void ccb_check_needed(CcbCheckContext *ctx, const char *program, CcbCheckResult *result,
                      GError **error);
