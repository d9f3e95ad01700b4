/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A top-level key of cloud-init's configuration, read by lines: such files have anchors and tags
 * elsewhere, which a reader of recipes refuses.  A key whose value is in a form that is not known
 * here is an error, not an absent key.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The items of the list `key`, in brackets or one a line; of an item that is a list itself, its
 * first ("[ssh, always]" is ssh).  *ret_items is NULL where there is no such key; caller frees.
 * *ret_line is where the key stands.  Errors: CCB_ERR_INPUT with the line number. */
bool ccb_cloudcfg_list(const char *data, size_t size, const char *key, char ***ret_items,
                       guint *ret_line, GError **error);

/* The scalar `name` in the map `key`, or with `key` NULL the scalar `name` itself; *ret_value is NULL where there is none.  Otherwise as above. */
bool ccb_cloudcfg_value(const char *data, size_t size, const char *key, const char *name,
                        char **ret_value, guint *ret_line, GError **error);
