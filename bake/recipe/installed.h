/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake:NAME, a recipe that came with ccbake (base/data.h), in `extends` and on the command line. */
#pragma once

#include <glib.h>

#define CCB_INSTALLED "ccbake:"

/* Their names, sorted, without the ending .yaml; empty where there are none.  NULL-terminated; caller frees. */
char **ccb_installed_recipes(void);

/* The file of "ccbake:NAME", or NULL where there is none of that name; caller frees. */
char *ccb_installed_recipe_path(const char *name);

/* Which there are and where, for hints; caller frees. */
char *ccb_installed_hint(void);
