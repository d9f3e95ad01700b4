/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ext2, ext3 or ext4 file system, read only, through libext2fs (the only user of it).  It comes from outside: what is
 * read is checked, by checksum where the file system has them, and a loop or a size that can't be is an error.
 *
 *     g_autoptr(CcbExt4) fs = ccb_ext4_open(read, data, size of the partition, error);
 *     CcbExt4Node node;
 *     ccb_ext4_find(fs, "/etc/os-release", true, &node, &exists, error);
 *     ccb_ext4_read(fs, &node, sink, user, error);
 *
 * Paths are resolved inside of the file system, links, too.  What is in a journal that was not replayed is not seen.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/disk-reader.h"

typedef struct CcbExt4 CcbExt4;

typedef struct {
    uint32_t inode;
    mode_t mode; /* type and permission bits, as in stat(2) */
    uid_t uid;
    gid_t gid;
    uint64_t size;              /* bytes */
    int64_t mtime_ns, ctime_ns; /* nanoseconds since 1970 */
} CcbExt4Node;

/* `read` reads from the file system's first byte on, of which there are `size`.  Errors: CCB_ERR_INPUT (damaged, features
 * that libext2fs does not know). */
CcbExt4 *ccb_ext4_open(CcbReadFunc read, void *data, uint64_t size, GError **error);
void ccb_ext4_free(CcbExt4 *fs); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbExt4, ccb_ext4_free)

/* What is at an absolute path; the last component is followed with `follow`.  What is missing, also behind a link that
 * leads nowhere: true, with *ret_exists false.  Errors: CCB_ERR_INPUT (damage, too many links). */
bool ccb_ext4_find(CcbExt4 *fs, const char *path, bool follow, CcbExt4Node *ret_node,
                   bool *ret_exists, GError **error);

/* Gets the content of a file in order; data NULL: so many zeros.  Returns false with an error to stop. */
typedef bool (*CcbExt4Sink)(void *user, const void *data, uint64_t size, GError **error);

/* The content of a regular file.  Errors: CCB_ERR_INPUT, CCB_ERR_CANCELLED, and those of the sink. */
bool ccb_ext4_read(CcbExt4 *fs, const CcbExt4Node *node, CcbExt4Sink sink, void *user,
                   GError **error);

/* Where a symbolic link points, as it is written; caller frees. */
char *ccb_ext4_target(CcbExt4 *fs, const CcbExt4Node *node, GError **error);

/* The names in a directory, without . and .., and their inodes (GUINT_TO_POINTER); belongs to the file system until the
 * next call that reads a directory.  NULL on error. */
GHashTable *ccb_ext4_list(CcbExt4 *fs, const CcbExt4Node *node, GError **error);

/* What a name that ccb_ext4_list() gave stands for. */
bool ccb_ext4_load(CcbExt4 *fs, uint32_t inode, CcbExt4Node *ret_node, GError **error);

/* Free bytes for those who are not root, as statfs(2) has them for a mounted file system. */
uint64_t ccb_ext4_free_bytes(const CcbExt4 *fs);
