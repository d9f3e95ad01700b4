/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps secrets in this process, and only as long as they are needed. */
#pragma once

#include <glib.h>
#include <jansson.h>

/* No core dump from now on, and no other process of this user may look into this one. */
void ccb_secret_guard(void);

/* Overwrites a string, frees it and sets the pointer to NULL. */
void ccb_secret_clear(char **secret);

/* As g_string_free(), overwritten. */
void ccb_secret_free_text(GString *text);

/* As json_decref() of the last reference, with all strings in it overwritten; accepts NULL. */
void ccb_secret_free_json(json_t *json);
