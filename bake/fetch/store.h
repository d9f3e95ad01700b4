/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content store: files named by the SHA-256 of what is in them.
 *
 *     DIR/ab/abcdef...     an object: complete, verified, mode 0444
 *     DIR/partial/...      unfinished downloads (partial.h)
 *     DIR/names/abcdef...  the name that an object was downloaded by; its time is that of the object's last use
 *     DIR/lock             fcntl(2), a byte for each object that a process uses
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

/* Keeps ccb_store_remove() of other processes from the object until the store is closed, whether or not it is there by
 * now.  Errors: CCB_ERR_IO. */
bool ccb_store_hold(CcbStore *store, const char *sha256, GError **error);

/* Notes the name of an object that was just downloaded. */
void ccb_store_note(const CcbStore *store, const char *sha256, const char *name);

/* An object, or what has arrived of one. */
typedef struct {
    char *key;  /* sha256; of an unfinished one see partial.h */
    char *name; /* NULL: not noted */
    bool is_partial;
    uint64_t size; /* bytes */
    int64_t used;  /* last use, in seconds since the epoch */
} CcbObject;

/* All of them, unchecked, as CcbObject; caller unrefs. */
GPtrArray *ccb_store_list(const CcbStore *store);

/* Whether another process uses it at this moment. */
bool ccb_store_is_used(const CcbStore *store, const CcbObject *object);

/* Removes it unless another process uses it; whether it is gone. */
bool ccb_store_remove(const CcbStore *store, const CcbObject *object);
