/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `modprobe MODULE` does by modprobe's configuration: what it loads before, and whether it loads the module at all. */
#pragma once

#include "text/modprobe.h"

/* Why `modprobe MODULE` does not load each of `before` and then the module, as far as softdep and install say; NULL: it
 * does.  One of `before`, which ends with NULL, is a module and behind spaces its aliases, written with '_': "ecdh_generic
 * ecdh".  Where the command of install can't be followed, the text says so.  Caller frees. */
char *ccb_modload_problem(const CcbModprobe *config, const char *module, const char *const *before);
