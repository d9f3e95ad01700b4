/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A change to an image as data.  A step kind returns a list of them (.changes in plan/kind.h) from
 * its settings, the lock and files of the host, and does not touch the image itself:
 *
 *     ccb_change_text(changes, "/etc/modprobe.d/a.conf", text);
 *     ccb_change_units(changes, CCB_CHANGE_ENABLE, settings->enable);
 *
 * apply.h carries a list out in a guest; predict.h carries it out on what is known of an image, for
 * `plan --diff`.  Both go through the same function for each change.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "guest/guest.h"

typedef enum {
    CCB_CHANGE_FILE,      /* a regular file at `path`, with mode and owner */
    CCB_CHANGE_DIRECTORY, /* a directory at `path`, likewise */
    CCB_CHANGE_LINK,      /* a symbolic link at `path`, with the target `value` */
    CCB_CHANGE_REMOVE,    /* nothing at `path`; a directory goes with all that is in it */
    CCB_CHANGE_EDIT,      /* a text file at `path`, where there is one, goes through a function */
    CCB_CHANGE_ATTR,      /* mode and owner of what is at `path`, which has to be there */
    CCB_CHANGE_ENABLE,    /* the unit `value`, by the links of its [Install] */
    CCB_CHANGE_DISABLE,   /* the unit `value`: no directory of dependencies links to it */
    CCB_CHANGE_MASK,      /* the unit `value` */
    CCB_CHANGE_NEED,      /* the unit `value` must be there; nothing is changed */
    CCB_CHANGE_ARGUMENTS, /* of the kernel, in every boot entry and for later kernels */
    /* What a kind's installer does: these are for predictions, nothing is left to apply. */
    CCB_CHANGE_PACKAGE, /* `value`: name-[epoch:]version-release.arch */
    CCB_CHANGE_MODULE,  /* of the kernel: `path`; `value`: the version that it states */
    CCB_CHANGE_UNKNOWN, /* `value`: what only the bake will show, in words; `path` or NULL */
} CcbChangeOp;

/* In the `attr` of CCB_CHANGE_ATTR: the mode stays, the owner stays. */
#define CCB_KEEP_MODE  ((mode_t)-1)
#define CCB_KEEP_OWNER ((uid_t)-1)

/* Turns a file's text into its new text, which the caller frees; NULL on error. */
typedef char *(*CcbChangeEdit)(const void *data, const char *text, GError **error);

typedef struct {
    CcbChangeOp op;
    char *path, *value;
    char *host_path;  /* of a file: its content is that of this file of the host */
    GBytes *content;  /* or this */
    CcbFileAttr attr; /* of a file or directory; of a link the owner */
    bool recursive;   /* of ATTR: also of all below the directory, save links and devices */
    bool
        keep; /* a directory that exists keeps mode and owner; a package stays beside the new one */
    bool keep_mode, keep_owner; /* of a file: those of the file that is there, where there is one */
    char **set, **remove;       /* of ARGUMENTS: "name=value", "name" */
    CcbChangeEdit edit;         /* with `data`, which is borrowed */
    const void *data;
    bool required;   /* of EDIT: a missing file is an error */
    bool incomplete; /* of a file: the content depends on the image, which was not known */
} CcbChange;

GPtrArray *ccb_changes_new(void); /* of CcbChange; caller unrefs */

/* Adds a change and returns it, for the caller to complete; strings are copied, either may be
 * NULL. */
CcbChange *ccb_change_add(GPtrArray *changes, CcbChangeOp op, const char *path, const char *value);

/* A file of mode 0644 that belongs to root, with a text or the content of a file of the host. */
CcbChange *ccb_change_text(GPtrArray *changes, const char *path, const char *text);
CcbChange *ccb_change_upload(GPtrArray *changes, const char *path, const char *host_path);

/* A missing file stays missing, unless the caller sets `required`. */
CcbChange *ccb_change_edit(GPtrArray *changes, const char *path, CcbChangeEdit edit,
                           const void *data);

/* One change of the same op for each unit. */
void ccb_change_units(GPtrArray *changes, CcbChangeOp op, char *const *units);

/* `path` may be NULL. */
void ccb_change_unknown(GPtrArray *changes, const char *path, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Whether it is about a path, a unit or a package (by its name), or a kernel argument (by its key). */
bool ccb_change_concerns(const CcbChange *change, const char *subject);

/* The permission bits that ATTR gives to something of mode `is` (type and bits): recursively, a directory can be entered
 * by whoever can read it. */
mode_t ccb_change_mode(const CcbChange *change, mode_t is);

/* The SHA-256 of what a FILE puts into the image; caller frees.  Errors: CCB_ERR_IO. */
char *ccb_change_digest(const CcbChange *change, GError **error);

/* A list for each change that is applied, with all that decides about its result (a file's SHA-256,
 * mode and owner; of an edit only the path): a part of the key of a layer.  New reference.  Errors:
 * CCB_ERR_IO (a file of the host can't be read), CCB_ERR_INPUT (a path that is not UTF-8). */
json_t *ccb_changes_to_json(const GPtrArray *changes, GError **error);
