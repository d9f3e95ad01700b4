/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind guest.h: a door is a table of operations.  guest.c composes the public calls
 * from them, so that a door implements only what differs.
 */
#pragma once

#include "base/process.h"
#include "guest/disk.h"
#include "guest/guest.h"

typedef struct {
    const char *name; /* "appliance", "host" */

    /* Path arguments are absolute guest paths, resolved inside the guest's root. */
    bool (*stat)(void *door, const char *path, bool follow, CcbStat *ret_stat, bool *ret_exists,
                 GError **error);
    bool (*get)(void *door, const char *path, int fd, GError **error); /* regular file ► fd */
    char *(*digest)(void *door, const char *path, GError **error);     /* of a regular file */
    char *(*readlink)(void *door, const char *path, GError **error);
    char **(*list)(void *door, const char *path, GError **error); /* any order */
    char **(*find)(void *door, const char *path, GError **error); /* any order */
    /* Adds a CcbGuestEntry for everything below the directory, in any order; at least down to
     * CCB_WALK_DEPTH + 1 directories. */
    bool (*walk)(void *door, const char *path, GPtrArray *entries, GError **error);

    /* The parent exists; symlinks are followed; mode and owner are set. */
    bool (*put)(void *door, const char *path, int fd, mode_t mode, uid_t uid, gid_t gid,
                GError **error);
    bool (*mkdir)(void *door, const char *path, GError **error); /* one level, 0755, root */
    bool (*set_owner)(void *door, const char *path, mode_t mode, uid_t uid, gid_t gid,
                      GError **error);
    bool (*symlink)(void *door, const char *target, const char *path, GError **error);
    bool (*remove)(void *door, const char *path, GError **error); /* it exists */
    bool (*free_space)(void *door, uint64_t *ret_bytes, GError **error);

    /* limit_s is set; ccb_guest_environment comes first.  Lines of output go to on_line (may be
     * NULL). */
    bool (*run)(void *door, CcbCommand *command, CcbLineFunc on_line, void *data, GError **error);

    const CcbDisk *(*disk)(void *door);
    bool (*read_disk)(void *door, uint64_t offset, void *buffer, size_t size, GError **error);
    bool (*close)(void *door, GError **error); /* flush and unmount; free() follows */
    void (*free)(void *door);
} CcbGuestOps;

/* A tree that is deeper was made to be. */
enum { CCB_WALK_DEPTH = 256 };

/* A guest over any implementation of the operations; takes `door` over.  Tests give one of their
 * own. */
CcbGuest *ccb_guest_new_with_ops(const CcbGuestOps *ops, void *door, int log_fd);

/* The two doors; NULL on error. */
void *ccb_appliance_open(const CcbGuestOptions *options, GError **error);
extern const CcbGuestOps ccb_appliance_ops;
void *ccb_host_door_open(const CcbGuestOptions *options, GError **error);
extern const CcbGuestOps ccb_host_door_ops;

/*
 * Which door to take.  HOST is refused with CCB_ERR_HOST where it can't work;
 * AUTO: KVM works ► appliance; else root, loop and fuse ► host; else the appliance under emulation.
 * ret_reason (caller frees, may be NULL) says why.  Returns AUTO only with an error.
 */
CcbDoor ccb_door_choose(CcbDoor wanted, char **ret_reason, GError **error);

/* "auto", "appliance", "host". */
const char *ccb_door_name(CcbDoor door);
bool ccb_door_from_name(const char *name, CcbDoor *ret_door, GError **error);

/* The environment of every guest command, "NAME=value"; the same through either door. */
extern const char *const ccb_guest_environment[];
