/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the host: whole-file reads, files that appear complete or not at all, directories. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The content of a file of at most `limit` bytes (0: 64 MiB); caller frees.  Errors: CCB_ERR_IO. */
char *ccb_read_file(const char *path, size_t limit, size_t *ret_size, GError **error);

/* A new file to write and read, for us alone or of mode 0644, whatever the umask; nothing may have the name, no link either.
 * Returns the descriptor; -1 with errno, EEXIST where the name is taken. */
int ccb_create_file(const char *path, bool is_private);

/* Opens a file for `flags` of open(2) where it is a regular one: a FIFO would wait for its other end, and a symlink may
 * lead anywhere.  -1 on failure.  Errors: CCB_ERR_IO. */
int ccb_open_regular(const char *path, int flags, GError **error);

/* The subdirectory of the cache, made where it is missing and open to us alone: what is in it may hold the secrets of an
 * image.  Caller frees; NULL on failure.  Errors: CCB_ERR_IO. */
char *ccb_cache_room(const char *name, GError **error);

/* Replaces the file as a whole or not at all, with mode 0644, also where the host goes down.  Errors: CCB_ERR_IO. */
bool ccb_write_file_atomic(const char *path, const void *data, size_t size, GError **error);

/* rename() followed by an fsync of the directory, so that the name survives a crash. */
bool ccb_publish_file(const char *temporary, const char *path, GError **error);

/* fsync of the directory that `path` is in. */
bool ccb_sync_directory_of(const char *path, GError **error);

/* Whether both are there and are one file, by whatever names: writing the one would spoil the other. */
bool ccb_is_same_file(const char *a, const char *b);

/* Whether there is something by the name of the directory of `path`: what it is shows when it is written to.  Errors: CCB_ERR_USAGE. */
bool ccb_check_directory_of(const char *path, GError **error);

bool ccb_mkdirs(const char *path, GError **error);

/* Removes a tree; what is missing is no error.  Does not follow symlinks or cross file systems. */
bool ccb_remove_tree(const char *path, GError **error);

/* write(2) until all is written. */
bool ccb_write_all(int fd, const void *data, size_t size, const char *name, GError **error);

/* $CCBAKE_CACHE_DIR, or $XDG_CACHE_HOME/ccbake, or /var/cache/ccbake for root, or ~/.cache/ccbake.
 * The returned string belongs to the function. */
const char *ccb_cache_dir(void);

/* The way from a directory to a path, both absolute and without "..": "../overlays/x"; the path itself where they share
 * only the root.  Caller frees. */
char *ccb_relative_path(const char *dir, const char *path);
