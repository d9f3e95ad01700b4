/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content store: files named by the SHA-256 of what is in them.
 *
 *     DIR/ab/abcdef...     an object: complete, verified, mode 0444
 *     DIR/partial/...      unfinished downloads (partial.h)
 *
 * An object appears by rename, so one that exists was complete once.  ccb_store_find() compares its
 * digest with its name before it is used (once for each state of the file: ccb_digest_file_once()).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CcbStore CcbStore;

/* Creates the directory where it is missing.  Errors: CCB_ERR_IO. */
CcbStore *ccb_store_open(const char *dir, GError **error);
void ccb_store_free(CcbStore *store); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbStore, ccb_store_free)

const char *ccb_store_dir(const CcbStore *store);

/* Where the object is or would be; `sha256` must be valid.  Caller frees. */
char *ccb_store_object_path(const CcbStore *store, const char *sha256);

/* The path of the verified object (caller frees), or NULL without an error where the store has
 * none.  A damaged object is removed with a warning and counts as absent.  Errors: CCB_ERR_RECIPE
 * (`sha256` is no digest), CCB_ERR_IO. */
char *ccb_store_find(CcbStore *store, const char *sha256, GError **error);

/* Whether there is an object of `size` bytes (0: any).  For plans: its content is not verified. */
bool ccb_store_has(const CcbStore *store, const char *sha256, uint64_t size);

/* Whether the store's file system has room for `bytes` more.  Errors: CCB_ERR_HOST. */
bool ccb_store_check_space(const CcbStore *store, uint64_t bytes, GError **error);
