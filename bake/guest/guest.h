/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The opened image.  One narrow interface, two backends behind it (backend.h): everything that a step or a check does to an
 * image goes through here, so that both backends give the same tree.
 *
 * 1. open      CcbGuestOptions o = {.image = overlay, .format = "qcow2", .backend = CCB_BACKEND_HOST, ...};
 *              CcbGuest *guest = ccb_guest_open(&o, error);
 * 2. use       ccb_guest_read(), _write(), _run() ...
 * 3. close     ccb_guest_close(guest, error): flushes, unmounts; its failure means that the image is not good
 *              or ccb_guest_free(guest): throws the backend away after an error (the overlay is worthless then)
 *
 * Paths are absolute paths inside the guest.  Symlinks are followed inside the guest's root and never lead out of it,
 * save the last component where a function says so.  Text and lists belong to the caller.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest/disk.h"

typedef enum {
    CCB_BACKEND_AUTO,
    CCB_BACKEND_APPLIANCE,
    CCB_BACKEND_HOST,
    CCB_BACKEND_READER, /* reads only */
} CcbBackend;

typedef struct CcbGuest CcbGuest;

/* Where a payload stands inside the guest while commands run: CCB_PAYLOAD_DIR "/" name. */
#define CCB_PAYLOAD_DIR "/tmp/ccbake"

typedef struct {
    char *name; /* file name inside the guest; no slash */
    char *path; /* file of the host; readable, never written */
} CcbAttachment;

typedef struct {
    const char *image;  /* host path; qcow2 overlay to be written, or any image with read_only */
    const char *format; /* "qcow2", "raw", "vpc" */
    CcbBackend backend; /* APPLIANCE or HOST: AUTO is decided by ccb_backend_choose() before */
    bool read_only;     /* the image is never written, the file systems are mounted read-only */
    /* With read_only: accept file systems that were not unmounted cleanly or have errors noted, as they are, without
     * what is in their journals. */
    bool unclean;
    bool network; /* guest commands may reach the network; the image is a throw-away overlay then */
    const char *scratch_dir; /* existing directory of the host for what must not reach the image */
    uint64_t scratch_size;   /* bytes of it, for the appliance's scratch disk */
    /* 0, or the bytes that a qcow2 overlay's disk is to have before it is mounted: the last partition and its ext4 file
     * system, which are the root (ccb_disk_check_grow()), become as much larger. */
    uint64_t grow_to;
    bool trim; /* at the end, give back all free blocks, not only those that were freed meanwhile */
    const GPtrArray *payloads; /* CcbAttachment, or NULL */
    int log_fd;                /* gets the output of guest commands; -1: none */
} CcbGuestOptions;

/* Finds and mounts the root file system: the one partition that holds an os-release file.
 * Errors: CCB_ERR_HOST (a missing capability), CCB_ERR_INPUT (none or several roots, dirty,
 * corrupt). */
CcbGuest *ccb_guest_open(const CcbGuestOptions *options, GError **error);

/* The partition table as it was found; belongs to the guest. */
const CcbDisk *ccb_guest_disk(const CcbGuest *guest);

/* Bytes of the disk, whatever partition they belong to.  Errors: CCB_ERR_INPUT, CCB_ERR_IO. */
bool ccb_guest_read_disk(CcbGuest *guest, uint64_t offset, void *buffer, size_t size,
                         GError **error);

/* Syncs and unmounts, and frees `guest` in either case. */
bool ccb_guest_close(CcbGuest *guest, GError **error);
void ccb_guest_free(CcbGuest *guest); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbGuest, ccb_guest_free)

typedef struct {
    mode_t mode; /* type and permission bits, as in stat(2) */
    uid_t uid;
    gid_t gid;
    uint64_t size;
} CcbStat;

/* lstat: the last component is not followed.  What is missing: true, with *ret_exists false. */
bool ccb_guest_lstat(CcbGuest *guest, const char *path, CcbStat *ret_stat, bool *ret_exists,
                     GError **error);

/* As above, symlinks followed; a link that leads nowhere is missing. */
bool ccb_guest_stat(CcbGuest *guest, const char *path, CcbStat *ret_stat, bool *ret_exists,
                    GError **error);

/* Whether something stands there, symlinks followed; false also where it could not be read. */
bool ccb_guest_exists(CcbGuest *guest, const char *path);

/* Content of a regular file of at most 64 MiB; NUL-terminated.  Errors: CCB_ERR_INPUT, with the
 * path. */
char *ccb_guest_read(CcbGuest *guest, const char *path, size_t *ret_size, GError **error);

/* As above; a missing file gives true and *ret_text NULL. */
bool ccb_guest_read_optional(CcbGuest *guest, const char *path, char **ret_text, GError **error);

/* Copies a regular file of any size to a descriptor of the host. */
bool ccb_guest_download(CcbGuest *guest, const char *path, int fd, GError **error);

/* The SHA-256 of a regular file of any size; caller frees. */
char *ccb_guest_digest(CcbGuest *guest, const char *path, GError **error);

/* Where a symlink points, as it is written. */
char *ccb_guest_readlink(CcbGuest *guest, const char *path, GError **error);

/* The names in a directory, sorted, without . and ..; NULL on error.  A missing directory is an
 * empty list. */
char **ccb_guest_list(CcbGuest *guest, const char *path, GError **error);

/* Every path below a directory, relative to it, sorted by strcmp; symlinks are listed, not
 * followed. */
char **ccb_guest_find(CcbGuest *guest, const char *path, GError **error);

typedef struct {
    char *path; /* relative to the directory that was walked */
    CcbStat st;
    int64_t mtime_ns, ctime_ns; /* nanoseconds since 1970 */
    char *target;               /* of a symlink, as it is written; else NULL */
} CcbGuestEntry;

/* Everything below a directory in a few calls, whatever the number of files: CcbGuestEntry, sorted by strcmp; symlinks
 * are listed, not followed.  Caller unrefs; NULL on error.  A missing directory is an empty list.  Errors:
 * CCB_ERR_INPUT, also for a tree that is deeper than 256 directories. */
GPtrArray *ccb_guest_walk(CcbGuest *guest, const char *path, GError **error);

/* The time that files have which ccbake writes, 1980-01-01: not that of the bake, so that two bakes
 * of the same give the same, and what is keyed by the times of files does not change with them. */
enum { CCB_GUEST_MTIME = 315532800 };

typedef struct {
    mode_t mode; /* permission bits */
    uid_t uid;
    gid_t gid;
} CcbFileAttr;

/* 0644 and 0755, root. */
extern const CcbFileAttr ccb_file_attr, ccb_directory_attr;

/* Puts a file at a path, and sets mode (permission bits), owner and time.  A link that is there is replaced, not followed;
 * a directory is an error, as is a link to nothing on the way.  Missing parents are created 0755, root. */
bool ccb_guest_write(CcbGuest *guest, const char *path, const void *data, size_t size,
                     const CcbFileAttr *attr, GError **error);

/* As above for text that is edited in place: a link is followed, and an existing file keeps its mode and owner; new:
 * 0644, root. */
bool ccb_guest_replace(CcbGuest *guest, const char *path, const char *text, GError **error);

/* Copies a file of the host into the guest, as ccb_guest_write() would. */
bool ccb_guest_upload(CcbGuest *guest, const char *host_path, const char *path,
                      const CcbFileAttr *attr, GError **error);

/* mkdir -p; mode and owner are set on the last component only, also where it existed. */
bool ccb_guest_mkdir(CcbGuest *guest, const char *path, const CcbFileAttr *attr, GError **error);

/* Mode and owner of a file or directory that is there; symlinks are followed. */
bool ccb_guest_set_attr(CcbGuest *guest, const char *path, const CcbFileAttr *attr, GError **error);

/* Creates a symlink, or replaces a file or link by it; a directory is an error.  Of `attr` the owner counts. */
bool ccb_guest_symlink(CcbGuest *guest, const char *target, const char *path,
                       const CcbFileAttr *attr, GError **error);

/* Removes a file, a link or a tree; the last component is not followed.  What is missing is no
 * error. */
bool ccb_guest_remove(CcbGuest *guest, const char *path, GError **error);

/* Free bytes of the root file system. */
bool ccb_guest_free_space(CcbGuest *guest, uint64_t *ret_bytes, GError **error);

typedef struct {
    const char *name;        /* for messages and the log; NULL: argv[0] */
    const char *const *argv; /* run in the guest's root; argv[0] is searched in the guest's PATH */
    const char *const *env;  /* "NAME=value", in addition to ccb_guest_environment; may be NULL */
    const char *stdin_text;  /* may be NULL */
    unsigned limit_s;        /* 0: 3600 */
    bool allow_failure;
    GString *ret_stdout; /* filled with stdout; NULL: that goes to the log, as stderr does */
    int ret_status;      /* exit code, or 128 + signal */
    bool ret_timed_out;  /* the limit passed */
} CcbCommand;

/* Runs a command as root in the guest's root: own pid, ipc, uts and network namespaces (or a VM's);
 * /tmp, /var/tmp and /run are scratch and not the image's; TMPDIR is /tmp.  Errors: CCB_ERR_STEP
 * with the last lines of output. */
bool ccb_guest_run(CcbGuest *guest, CcbCommand *command, GError **error);

/* Whether the image has the program that the first line of a script names ("#!"), if it names one.  Errors: CCB_ERR_STEP, with
 * the name of the script. */
bool ccb_guest_check_script(CcbGuest *guest, const char *name, const char *text, GError **error);

/* Runs a command as ccb_guest_run() does, in front of the user: with our own standard streams, in a terminal of its own
 * where they are one (base/pty.h), and without a limit.  It has the environment of the command that ran last, too.
 * Its end is in command->ret_status, and is no error.  Of `command` this uses argv and env.  Through the appliance it has
 * no input, and its output comes at its end.  Errors: CCB_ERR_STEP (no such command), CCB_ERR_HOST, CCB_ERR_CANCELLED. */
bool ccb_guest_shell(CcbGuest *guest, CcbCommand *command, GError **error);

/* ccb_guest_run() of a NULL-terminated list of words with nothing special about it. */
bool ccb_guest_command(CcbGuest *guest, GError **error, ...) G_GNUC_NULL_TERMINATED;
