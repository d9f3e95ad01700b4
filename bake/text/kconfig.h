/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel's .config (Documentation/kbuild/kconfig.rst): CONFIG_X=y|m|number|"string", or the comment "# CONFIG_X is not
 * set". */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct CcbKconfig CcbKconfig;

/* Errors: CCB_ERR_INPUT with the line number, for a line that is neither a comment nor
 * CONFIG_X=value. */
CcbKconfig *ccb_kconfig_parse(const char *data, size_t size, GError **error);
void ccb_kconfig_free(CcbKconfig *config); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbKconfig, ccb_kconfig_free)

/* The value, strings without their quotes; "n" where the option is not set or not there.  `name`
 * may be given with or without "CONFIG_".  Belongs to `config`. */
const char *ccb_kconfig_get(const CcbKconfig *config, const char *name);
