/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that a step took long to build, for bakes that can't use its layer: the kernel modules of a driver.  They are
 * found by a key, the digest of all that they were built from.  Below ccb_cache_dir()/built:
 *
 *     KEY/             the files, and files.json with the SHA-256 of each
 *     KEY.*.part/      files that are being gathered
 *
 *     g_autoptr(CcbBuilt) built = ccb_built_find(key, error); NULL: build them, and then
 *     g_autofree char *dir = ccb_built_begin(key, error);     put them into dir
 *     ccb_built_publish(key, dir, error);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *key;
    char *dir;     /* holds the files */
    uint64_t size; /* bytes of them */
    int64_t used;  /* when they were last used; seconds since the epoch */
    int lock;      /* keeps them from being removed; -1: not locked */
} CcbBuilt;

void ccb_built_free(CcbBuilt *built); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbBuilt, ccb_built_free)

/* Each file is hashed; a damaged set is removed with a warning.  NULL without an error where there is none; one that
 * can't be read stays, and is an error: CCB_ERR_IO, CCB_ERR_CANCELLED. */
CcbBuilt *ccb_built_find(const char *key, GError **error);

/* A new directory, which goes with the process unless it is published; caller frees the name.
 * Errors: CCB_ERR_IO. */
char *ccb_built_begin(const char *key, GError **error);

/* The directory appears under its key by rename; it is removed if another process has published one before.
 * Errors: CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_built_publish(const char *key, const char *dir, GError **error);

/* Removes the directory. */
void ccb_built_abandon(const char *dir);

/* All of them, unchecked and not locked, as CcbBuilt, caller unrefs. */
GPtrArray *ccb_built_list(void);

/* Whether a process uses it at this moment. */
bool ccb_built_is_used(const char *key);

/* Removes one unless it is in use; whether it is gone. */
bool ccb_built_remove(const char *key);
