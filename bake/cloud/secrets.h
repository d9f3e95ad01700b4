/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets that end with their scope, in the manner of g_autofree; private to this room. */
#pragma once

#include "base/secret.h"

/* A string that is overwritten at the end of the scope. */
#define ccb_autosecret __attribute__((cleanup(ccb_secret_clear)))

/* g_autoptr(CcbSecretJson): JSON whose strings are overwritten at the end of the scope. */
typedef json_t CcbSecretJson;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbSecretJson, ccb_secret_free_json)
