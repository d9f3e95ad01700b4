/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ini files as dnf and NetworkManager read them: [section], key=value, comments with '#' or ';' at
 * the start of a line, and lines that begin with white space continue the value above.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct CcbIni CcbIni;

/* Errors: CCB_ERR_INPUT with the line number, for a section header that is not closed, a line that
 * is nothing of the above, or a NUL byte. */
CcbIni *ccb_ini_parse(const char *data, size_t size, GError **error);
void ccb_ini_free(CcbIni *ini); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbIni, ccb_ini_free)

/* The last value of a key, continued lines joined with a space, or NULL; belongs to `ini`.  Keys
 * above the first section are in section "". */
const char *ccb_ini_get(const CcbIni *ini, const char *section, const char *key);

/* As above for a boolean as dnf writes it (1 yes true on, in any case); `fallback` where there is
 * none. */
bool ccb_ini_get_bool(const CcbIni *ini, const char *section, const char *key, bool fallback);

/* The text with one word more in the value of a key, which is a list, unless it is there already, and
 * all else as it was; a key or a section that is missing is added.  Caller frees.  Errors as for ccb_ini_parse(). */
char *ccb_ini_add_word(const char *data, size_t size, const char *section, const char *key,
                       const char *word, GError **error);
