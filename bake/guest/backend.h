/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind guest.h: a backend is a table of operations.  guest.c composes the public calls from them, so that
 * a backend implements only what differs.
 */
#pragma once

#include "base/process.h"
#include "guest/disk.h"
#include "guest/guest.h"

/* Paths are absolute, and resolved inside the guest's root; where nothing is said of it, the last component of a path is
 * followed, too.  What is returned belongs to the caller. */
typedef struct {
    const char *name; /* "appliance", "host" */

    /* What is missing: true, with *ret_exists false. */
    bool (*stat)(void *backend, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                 GError **error);
    /* Writes a regular file to `fd`, at its offset; its SHA-256. */
    bool (*get)(void *backend, const char *path, int fd, GError **error);
    char *(*digest)(void *backend, const char *path, GError **error);
    char *(*readlink)(void *backend, const char *path, GError **error);
    /* The names in a directory, in any order. */
    char **(*list)(void *backend, const char *path, GError **error);
    /* Adds a CcbGuestEntry for everything below the directory, in any order; at least down to CCB_WALK_DEPTH + 1
     * directories. */
    bool (*walk)(void *backend, const char *path, GPtrArray *entries, GError **error);

    /* Creates a file or replaces its content with what is left of `fd`, and sets its time to CCB_GUEST_MTIME; the parent
     * exists. */
    bool (*put)(void *backend, const char *path, int fd, const CcbFileAttr *attr, GError **error);
    bool (*mkdir)(void *backend, const char *path, GError **error); /* one level, 0755, root */
    bool (*set_attr)(void *backend, const char *path, const CcbFileAttr *attr, GError **error);
    bool (*symlink)(void *backend, const char *target, const char *path, const CcbFileAttr *attr,
                    GError **error);
    /* A file or a tree, which exists; the last component is not followed. */
    bool (*remove)(void *backend, const char *path, GError **error);
    bool (*free_space)(void *backend, uint64_t *ret_bytes, GError **error);

    /* command->limit_s and name are set; ccb_guest_environment comes first.  `on_line` gets lines of output. */
    bool (*run)(void *backend, CcbCommand *command, CcbLineFunc on_line, void *data,
                GError **error);

    /* For ccb_guest_shell(); command->env is complete but for ccb_guest_environment. */
    bool (*shell)(void *backend, CcbCommand *command, GError **error);

    const CcbDisk *(*disk)(void *backend);
    bool (*read_disk)(void *backend, uint64_t offset, void *buffer, size_t size, GError **error);
    bool (*close)(void *backend, GError **error); /* flush and unmount; free() follows */
    void (*free)(void *backend);
} CcbGuestOps;

/* A tree that is deeper was made to be. */
enum { CCB_WALK_DEPTH = 256 };

/* An empty array of CcbGuestEntry, which owns them. */
GPtrArray *ccb_guest_entries_new(void);

/* A guest over any implementation of the operations; takes ownership of `backend`.  Tests give one of their own. */
CcbGuest *ccb_guest_new_with_ops(const CcbGuestOps *ops, void *backend, int log_fd);

/* The two backends that can write; NULL on error. */
void *ccb_appliance_open(const CcbGuestOptions *options, GError **error);
extern const CcbGuestOps ccb_appliance_ops;
void *ccb_host_backend_open(const CcbGuestOptions *options, GError **error);
extern const CcbGuestOps ccb_host_backend_ops;

/*
 * Which backend to take.  HOST is refused with CCB_ERR_HOST where it can't work;
 * AUTO: KVM works ► appliance; else root, loop and fuse ► host; else the appliance under emulation.
 * ret_reason (caller frees, may be NULL) says why.  Returns AUTO only with an error.
 */
CcbBackend ccb_backend_choose(CcbBackend wanted, char **ret_reason, GError **error);

/* "auto", "appliance", "host". */
const char *ccb_backend_name(CcbBackend backend);
bool ccb_backend_from_name(const char *name, CcbBackend *ret_backend, GError **error);

/* The environment of every guest command, "NAME=value"; the same through either backend. */
extern const char *const ccb_guest_environment[];
