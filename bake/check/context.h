/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What several checks need of an image, each thing read once: under emulation every call into the
 * appliance costs.  A failure is remembered as well, and given to each check that asks.
 *
 * What the accessors return belongs to the context.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "check/check.h"
#include "check/expect.h"
#include "guest/facts.h"
#include "guest/guest.h"

typedef struct {
    char *path;
    char *text; /* NULL: there is no such file */
    size_t size;
} CcbGuestText;

struct CcbCheckContext {
    CcbGuest *guest;                       /* not owned */
    const CcbExpectation *expect;          /* not owned */
    const struct CcbCheckRequest *request; /* not owned; NULL where the image alone is judged */
    unsigned gpus;     /* 1 or 8 (ccb_check_infer); 0: no driver is asked for, or there is none */
    GPtrArray *notes;  /* char *: what was assumed */
    GHashTable *memos; /* "kind:name" ► what was read, or why it could not be */
};

CcbCheckContext *ccb_check_context_new(CcbGuest *guest, const CcbExpectation *expect);
void ccb_check_context_free(CcbCheckContext *ctx); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCheckContext, ccb_check_context_free)

/* Finds out from the image what the expectation leaves open, and notes it. */
void ccb_check_infer(CcbCheckContext *ctx);

/* Makes a thing when it is first asked for, and keeps it, or the error.  `produce` never returns
 * NULL without an error. */
typedef gpointer (*CcbProduce)(CcbCheckContext *ctx, const char *name, GError **error);
gpointer ccb_check_memo(CcbCheckContext *ctx, const char *kind, const char *name,
                        CcbProduce produce, GDestroyNotify destroy, GError **error);

/* Puts a thing in place of what would be read; for tests. */
void ccb_check_memo_set(CcbCheckContext *ctx, const char *kind, const char *name, gpointer value,
                        GDestroyNotify destroy);

/* Kernels and boot entries; no packages. */
const CcbFacts *ccb_check_facts(CcbCheckContext *ctx, GError **error);
/* The kernel that boots. */
const char *ccb_check_kver(CcbCheckContext *ctx, GError **error);

/* The entries whose kernels, modules and initramfs have to be right: the default one, which comes
 * first, and those of other kernels that are installed; each kernel with each initramfs once.
 * CcbBootEntry. */
const GPtrArray *ccb_check_boot_entries(CcbCheckContext *ctx, GError **error);

/* As ccb_guest_stat(). */
bool ccb_check_stat(CcbCheckContext *ctx, const char *path, CcbStat *ret_stat, bool *ret_exists,
                    GError **error);
/* As ccb_guest_lstat(). */
bool ccb_check_lstat(CcbCheckContext *ctx, const char *path, CcbStat *ret_stat, bool *ret_exists,
                     GError **error);

/* A file of text; never NULL without an error: a missing file has text NULL.  What is below
 * /boot/efi, or behind a link of /boot that leads there, is read from the EFI system partition. */
const CcbGuestText *ccb_check_text(CcbCheckContext *ctx, const char *path, GError **error);

/* A file of up to `limit` bytes in one piece; caller unrefs.  Not kept: for what is large, and
 * parsed once. */
GBytes *ccb_check_download(CcbCheckContext *ctx, const char *path, guint64 limit, GError **error);

/* The names in a directory; empty where it is missing. */
char **ccb_check_list(CcbCheckContext *ctx, const char *path, GError **error);
bool ccb_check_list_has(CcbCheckContext *ctx, const char *directory, const char *name,
                        bool *ret_has, GError **error);

/* Every path below a directory, relative to it. */
char **ccb_check_tree(CcbCheckContext *ctx, const char *path, GError **error);

/* Whether something stands at `path`, symlinks followed.  Unlike ccb_guest_exists() it tells what
 * is missing from what could not be read. */
bool ccb_check_present(CcbCheckContext *ctx, const char *path, bool *ret_present, GError **error);

/* The installed packages, as in CcbFacts; never empty. */
char **ccb_check_packages(CcbCheckContext *ctx, GError **error);
/* Those of that name, as "version-release" without epoch and architecture; caller unrefs. */
bool ccb_check_package_versions(CcbCheckContext *ctx, const char *name, GPtrArray **ret_evrs,
                                GError **error);
