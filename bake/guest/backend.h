/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind guest.h: a backend is a table of operations.  guest.c composes the public calls
 * from them, so that a backend implements only what differs.
 */
#pragma once

#include "base/process.h"
#include "guest/disk.h"
#include "guest/guest.h"

typedef struct {
    const char *name; /* "appliance", "host" */

    /* Path arguments are absolute guest paths, resolved inside the guest's root. */
    bool (*stat)(void *backend, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                 GError **error);
    bool (*get)(void *backend, const char *path, int fd, GError **error); /* regular file ► fd */
    char *(*digest)(void *backend, const char *path, GError **error);     /* of a regular file */
    char *(*readlink)(void *backend, const char *path, GError **error);
    char **(*list)(void *backend, const char *path, GError **error); /* any order */
    char **(*find)(void *backend, const char *path, GError **error); /* any order */
    /* Adds a CcbGuestEntry for everything below the directory, in any order; at least down to
     * CCB_WALK_DEPTH + 1 directories. */
    bool (*walk)(void *backend, const char *path, GPtrArray *entries, GError **error);

    /* The parent exists; symlinks are followed; mode and owner are set. */
    bool (*put)(void *backend, const char *path, int fd, mode_t mode, uid_t uid, gid_t gid,
                GError **error);
    bool (*mkdir)(void *backend, const char *path, GError **error); /* one level, 0755, root */
    bool (*set_owner)(void *backend, const char *path, mode_t mode, uid_t uid, gid_t gid,
                      GError **error);
    bool (*symlink)(void *backend, const char *target, const char *path, GError **error);
    bool (*remove)(void *backend, const char *path, GError **error); /* it exists */
    bool (*free_space)(void *backend, uint64_t *ret_bytes, GError **error);

    /* limit_s is set; ccb_guest_environment comes first.  Lines of output go to on_line (may be
     * NULL). */
    bool (*run)(void *backend, CcbCommand *command, CcbLineFunc on_line, void *data,
                GError **error);

    const CcbDisk *(*disk)(void *backend);
    bool (*read_disk)(void *backend, uint64_t offset, void *buffer, size_t size, GError **error);
    bool (*close)(void *backend, GError **error); /* flush and unmount; free() follows */
    void (*free)(void *backend);
} CcbGuestOps;

/* A tree that is deeper was made to be. */
enum { CCB_WALK_DEPTH = 256 };

/* A guest over any implementation of the operations; takes `backend` over.  Tests give one of their
 * own. */
CcbGuest *ccb_guest_new_with_ops(const CcbGuestOps *ops, void *backend, int log_fd);

/* The two backends; NULL on error. */
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
