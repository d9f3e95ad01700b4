/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The partial file of a download, private to this room: the bytes that have arrived, their running
 * digest, and where they came from.
 *
 *     DIR/partial/KEY         the bytes; locked (flock) by the process that downloads
 *     DIR/partial/KEY.from    "<sha256 of the URL> <ETag or Last-Modified>", for If-Range
 *
 * KEY is the pinned digest, or the digest of the first URL where none is pinned.
 *
 * 1. ccb_partial_open()        takes the lock, and digests what an earlier run left
 * 2. ccb_partial_restart()     a body arrives from its beginning: forgets what was there
 *    ccb_partial_append()      bytes, at the end
 * 3. ccb_partial_digest()      all are there
 * 4. ccb_partial_publish()     they are the right ones: the file becomes an object of the store
 *    ccb_partial_discard()     they are not
 * 5. ccb_partial_free()        unlocks; what is not published stays for the next run to resume, if the digest
 *                              is pinned, and goes otherwise
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "fetch/store.h"

typedef struct {
    const CcbStore *store;
    char *path;
    char *from_path;
    int fd;
    bool is_pinned;    /* there is a digest to compare with */
    uint64_t size;     /* bytes so far; all of them went through `digest` */
    CcbDigest *digest; /* NULL once ccb_partial_digest() was called */
    char *url_id;      /* sha256 of the URL that the bytes came from; NULL: not known */
    char *validator;   /* for If-Range: ETag or Last-Modified; NULL: the server gave none */
} CcbPartial;

/* How many bytes an earlier run left of it, without opening or locking the file. */
uint64_t ccb_partial_present(const CcbStore *store, const char *sha256);

/* `sha256` NULL: not pinned.  *ret_partial is NULL where another process (or another download of this
 * one) holds the lock.  The bytes of an earlier run are kept only with a digest: without one to
 * compare with, nobody would notice what a power failure did to them.  Errors: CCB_ERR_IO,
 * CCB_ERR_CANCELLED. */
bool ccb_partial_open(const CcbStore *store, const char *sha256, const char *url,
                      CcbPartial **ret_partial, GError **error);
void ccb_partial_free(CcbPartial *partial); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbPartial, ccb_partial_free)

/* Forgets the bytes, and notes where the next ones come from; `validator` may be NULL. */
bool ccb_partial_restart(CcbPartial *partial, const char *url, const char *validator,
                         GError **error);

/* Errors: CCB_ERR_HOST where the disk is full, CCB_ERR_IO. */
bool ccb_partial_append(CcbPartial *partial, const void *data, size_t size, GError **error);

/* Whether the bytes came from that URL. */
bool ccb_partial_is_from(const CcbPartial *partial, const char *url);

/* The digest of all bytes; caller frees.  Only restart, discard, publish and free may follow. */
char *ccb_partial_digest(CcbPartial *partial);

/* Returns the object's path (caller frees), or NULL: CCB_ERR_IO. */
char *ccb_partial_publish(CcbPartial *partial, const char *sha256, GError **error);

/* Forgets the bytes.  Errors: CCB_ERR_IO. */
bool ccb_partial_discard(CcbPartial *partial, GError **error);
