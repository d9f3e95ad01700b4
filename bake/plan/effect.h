/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a step is going to change, as far as its kind can tell before it runs: a list of single
 * changes (CcbEffectItem), in the order in which they are made.  A kind declares it (.declare in
 * kind.h) from settings, lock and files of the recipe, without an image:
 *
 *     ccb_effect_file(effect, "/etc/modprobe.d/a.conf", text, strlen(text));
 *     ccb_effect_unknown(effect, NULL, "what its commands do");
 *
 * diff/predict.h makes it a comparison with an image.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef enum {
    CCB_EFFECT_FILE,            /* stands at `path` with content, mode and owner */
    CCB_EFFECT_DIRECTORY,       /* stands at `path` */
    CCB_EFFECT_LINK,            /* from `path` to `value` */
    CCB_EFFECT_EDIT,            /* a text file, where there is one, goes through a function */
    CCB_EFFECT_ENABLE,          /* `value`: a unit, by the links of its [Install] */
    CCB_EFFECT_DISABLE,         /* `value`: a unit that no .wants or .requires names any more */
    CCB_EFFECT_PACKAGE,         /* `value`: name-[epoch:]version-release.arch */
    CCB_EFFECT_MODULE,          /* of the kernel: `path`; `value`: the version that it states */
    CCB_EFFECT_SET_ARGUMENT,    /* `value`: an argument of the kernel, in every boot entry */
    CCB_EFFECT_REMOVE_ARGUMENT, /* likewise */
    CCB_EFFECT_UNKNOWN,         /* `value`: what only the bake will show, in words */
    CCB_EFFECT_KINDS
} CcbEffectKind;

/* Turns a file's text into its new text; NULL on error. */
typedef char *(*CcbEffectEdit)(const void *data, const char *text, GError **error);

typedef struct {
    CcbEffectKind kind;
    char *path, *value; /* or NULL; of UNKNOWN `path` is where it will be */
    GBytes *content;    /* of a file; NULL: larger than CCB_EFFECT_CONTENT_MAX */
    guint64 size;       /* of a file */
    mode_t mode;        /* permission bits of a file or directory */
    uid_t uid;
    gid_t gid;
    bool keep; /* a directory that is there stays as it is; a package stays beside the new one */
    CcbEffectEdit edit; /* with `data`, which is borrowed */
    const void *data;
} CcbEffectItem;

/* The content of larger files is of no use to a reader. */
enum { CCB_EFFECT_CONTENT_MAX = 256 << 10 };

GPtrArray *ccb_effect_new(void); /* of CcbEffectItem; caller unrefs */

/* Adds an item; the strings are copied, either may be NULL. */
CcbEffectItem *ccb_effect_add(GPtrArray *effect, CcbEffectKind kind, const char *path,
                              const char *value);

/* A file of mode 0644 that belongs to root; the caller may change the item. */
CcbEffectItem *ccb_effect_file(GPtrArray *effect, const char *path, const void *data, size_t size);

/* A file of the host.  Errors: CCB_ERR_IO. */
bool ccb_effect_upload(GPtrArray *effect, const char *host_path, const char *path, mode_t mode,
                       uid_t uid, gid_t gid, GError **error);

void ccb_effect_edit(GPtrArray *effect, const char *path, CcbEffectEdit edit, const void *data);

/* `path` may be NULL. */
void ccb_effect_unknown(GPtrArray *effect, const char *path, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
