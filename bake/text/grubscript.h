/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRUB's script language (GNU GRUB manual 2.06, sections 6 and 16; grub-core/script, normal/menu.c, and the blscfg.c of
 * el8), run on a disk that callbacks give: what a grub.cfg starts.
 *
 * It knows the commands that a vendor's stub, grub2-mkconfig and hand-written menus use.  Where it meets another one, or a
 * condition whose outcome only the machine knows, it stops, and the menu says so: what GRUB does is not known then.
 *
 *     g_autoptr(CcbGrubMenu) menu = ccb_grubscript_run(&disk, "hd0,gpt2", "(hd0,gpt2)/EFI/alinux");
 *     if (menu->problem == NULL)
 *         use(menu->chosen);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum { CCB_SEARCH_UUID, CCB_SEARCH_LABEL, CCB_SEARCH_FILE } CcbGrubSearch;

typedef enum { CCB_GRUB_MISSING, CCB_GRUB_FILE, CCB_GRUB_EMPTY, CCB_GRUB_DIRECTORY } CcbGrubFile;

/* The disk as GRUB sees it.  A device is what stands between the parentheses of "(hd0,gpt3)/boot"; a path begins with
 * '/'.  Each function sets *error where the disk can't be read, and is not called again then. */
typedef struct {
    void *user;
    /* The first device with that, or NULL; caller frees. */
    char *(*search)(void *user, CcbGrubSearch by, const char *what, GError **error);
    CcbGrubFile (*look)(void *user, const char *device, const char *path, GError **error);
    /* The content of a file, NUL-terminated; NULL where there is none.  Caller frees. */
    char *(*read)(void *user, const char *device, const char *path, size_t *ret_size,
                  GError **error);
    /* The names in a directory, sorted; NULL where there is none.  Caller frees. */
    char **(*list)(void *user, const char *device, const char *path, GError **error);
    /* A file in words, for messages; caller frees. */
    char *(*name)(void *user, const char *device, const char *path);
} CcbGrubDisk;

typedef struct {
    char *device, *path;
} CcbGrubPath;

/* Of the menu, or of a submenu. */
typedef struct {
    char *id, *title;     /* id: of --id, or the title; of a boot entry the name of its file */
    CcbGrubPath file;     /* that it stands in */
    bool is_bls;          /* a file of its own, which blscfg read */
    char *version;        /* of a boot entry: what it says; or NULL */
    char *kernel_options; /* what the kernel gets; NULL: the entry starts none */
    CcbGrubPath kernel;
    GPtrArray *initrds; /* CcbGrubPath */
    GPtrArray *submenu; /* CcbGrubEntry; NULL: it is none */
    char *problem;      /* why it is not known what the entry starts; NULL: it is known */
} CcbGrubEntry;

typedef struct {
    GPtrArray *entries;         /* CcbGrubEntry, in the menu's order */
    const CcbGrubEntry *chosen; /* by default; NULL: none, or not known */
    char *unmatched;            /* the value of "default" that no entry answers to; or NULL */
    char
        *problem; /* "FILE:LINE: ..."; why GRUB starts nothing, or that it can't be told; or NULL */
    GPtrArray *configs;    /* CcbGrubPath: the files that were run, in their order */
    GHashTable *variables; /* char * ► char *: what they set, at the end */
} CcbGrubMenu;

/* What GRUB does that comes from a device and has its modules and its grub.cfg in `prefix`.  Never NULL.  Where `script`
 * is not NULL, it runs in the place of grub.cfg. */
CcbGrubMenu *ccb_grubscript_run(const CcbGrubDisk *disk, const char *device, const char *prefix,
                                const char *script, GError **error);
void ccb_grub_menu_free(CcbGrubMenu *menu); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbGrubMenu, ccb_grub_menu_free)
