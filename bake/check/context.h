/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What several checks need of an image, each thing read once: under emulation every call into the
 * appliance costs.  A failure is remembered as well, and given to each check that asks.
 *
 * The functions that read stop at the first failure, so that a check reads straight on and looks at
 * the error where it has to only: where reading fails they set *error, and where *error is set
 * already they read nothing.  In both cases they give what they give for a missing thing: NULL, no
 * text, an empty list, false.  What a check finds after that is not kept (check/check.h).
 *
 * What they return belongs to the context, unless it is said otherwise.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "check/check.h"
#include "guest/facts.h"
#include "guest/guest.h"
#include "recipe/expectation.h"
#include "text/shellvars.h"

typedef struct {
    char *path;
    char *text; /* NULL: there is no such file */
    size_t size;
} CcbGuestText;

/* Where the commands of a recipe's checks run: `open` gives a throw-away copy of the image that can be written, and is
 * called at most once.  NULL with an error. */
typedef struct {
    CcbGuest *(*open)(void *data, GError **error);
    void *data;
} CcbCheckSandbox;

struct CcbCheckContext {
    CcbGuest *guest;                       /* not owned */
    const CcbExpectation *expect;          /* not owned */
    const CcbCheckSandbox *sandbox;        /* not owned; NULL: no command is run */
    const struct CcbCheckRequest *request; /* not owned; NULL: only the image is checked */
    const struct CcbForesight *foresight;  /* not owned; NULL: the image is there */
    /* 1 or 8 (ccb_check_infer); 0: no driver is asked for, or there is none */
    unsigned gpus;
    /* In driver.every-kernel: the kernel whose modules are checked; NULL: the one that boots. */
    const char *other_kver;
    GPtrArray *notes;  /* char *: what was assumed */
    GHashTable *memos; /* "kind:name" ► what was read, or why it could not be */
    GPtrArray *none;   /* empty */
};

CcbCheckContext *ccb_check_context_new(CcbGuest *guest, const CcbExpectation *expect);
void ccb_check_context_free(CcbCheckContext *ctx); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCheckContext, ccb_check_context_free)

/* Finds out from the image what the expectation leaves open, and notes it. */
void ccb_check_infer(CcbCheckContext *ctx);

/* Makes a thing when it is first asked for, and keeps it, or the error. */
typedef gpointer (*CcbProduce)(CcbCheckContext *ctx, const char *name, GError **error);
gpointer ccb_check_memo(CcbCheckContext *ctx, const char *kind, const char *name,
                        CcbProduce produce, GDestroyNotify destroy, GError **error);

/* Puts a thing in place of what would be read; for tests. */
void ccb_check_memo_set(CcbCheckContext *ctx, const char *kind, const char *name, gpointer value,
                        GDestroyNotify destroy);

/* --- boot */

/* Kernels and boot entries; no packages.  NULL on error. */
const CcbFacts *ccb_check_facts(CcbCheckContext *ctx, GError **error);
/* The kernel that boots.  NULL on error. */
const char *ccb_check_kver(CcbCheckContext *ctx, GError **error);

/* The entries whose kernels, modules and initramfs have to be right (CcbBootEntry): the default one,
 * which comes first, and those of other kernels that are installed; each kernel with each initramfs
 * once. */
const GPtrArray *ccb_check_boot_entries(CcbCheckContext *ctx, GError **error);

/* NULL on error. */
const CcbDisk *ccb_check_disk(CcbCheckContext *ctx, GError **error);

/* The lines of /etc/fstab (CcbFstabEntry), caller unrefs; NULL where there is none, and on error. */
GPtrArray *ccb_check_fstab(CcbCheckContext *ctx, GError **error);

/* --- files */

/* As ccb_guest_stat() and ccb_guest_lstat(); NULL where nothing is there. */
const CcbStat *ccb_check_stat(CcbCheckContext *ctx, const char *path, GError **error);
const CcbStat *ccb_check_lstat(CcbCheckContext *ctx, const char *path, GError **error);

/* Whether something is at `path`, symlinks followed. */
bool ccb_check_exists(CcbCheckContext *ctx, const char *path, GError **error);
/* The same, as *ret_present; false on error. */
bool ccb_check_present(CcbCheckContext *ctx, const char *path, bool *ret_present, GError **error);

/* Where a symlink leads, as it is written; NULL on error, caller frees. */
char *ccb_check_readlink(CcbCheckContext *ctx, const char *path, GError **error);

/* A file of text, never NULL; a file that is missing has text NULL.  What is below /boot/efi, or
 * behind a link of /boot that leads there, is read from the EFI system partition. */
const CcbGuestText *ccb_check_text(CcbCheckContext *ctx, const char *path, GError **error);

/* The lines of a file of text, without white space around them; none where it is missing.  Caller
 * frees. */
char **ccb_check_lines(CcbCheckContext *ctx, const char *path, GError **error);

/* The variables of a shell script; NULL where it is missing, and on error.  Caller frees. */
CcbShellvars *ccb_check_shellvars(CcbCheckContext *ctx, const char *path, GError **error);

/* A file of up to `limit` bytes in one piece, not kept: for what is large, and parsed once.  NULL
 * where it is missing, which is an error, too; caller unrefs. */
GBytes *ccb_check_download(CcbCheckContext *ctx, const char *path, guint64 limit, GError **error);

/* The names in a directory, sorted; none where it is missing. */
char **ccb_check_list(CcbCheckContext *ctx, const char *path, GError **error);
/* The paths of those that end with `suffix`; caller frees. */
char **ccb_check_paths(CcbCheckContext *ctx, const char *directory, const char *suffix,
                       GError **error);
/* Every path below a directory, relative to it. */
char **ccb_check_tree(CcbCheckContext *ctx, const char *path, GError **error);

/* --- commands */

/* The throw-away copy, the same for each check; NULL on error.  Only where there is a sandbox. */
CcbGuest *ccb_check_copy(CcbCheckContext *ctx, GError **error);

/* --- packages */

/* The installed packages, as in CcbFacts; that there is none at all is an error. */
char **ccb_check_packages(CcbCheckContext *ctx, GError **error);

/* The parts of a package's name-[epoch:]version-release.arch: name, version, release.  NULL for what
 * is no such; caller frees. */
char **ccb_package_parts(const char *package);
