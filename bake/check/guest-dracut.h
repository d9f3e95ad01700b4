/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration that dracut will have when somebody runs it on an instance, as a kernel update
 * does. */
#pragma once

#include "check/context.h"

/*
 * What the configuration assigns to `name` (NAME=, NAME+=), file by file with a blank between, in
 * the order in which dracut 049 reads them: dracut.conf, then the *.conf of both directories sorted
 * by name, where a file in /etc hides one of the same name in /usr/lib.  "" where nothing does;
 * never NULL, caller frees.
 */
char *ccb_check_dracut(CcbCheckContext *ctx, const char *name, GError **error);
