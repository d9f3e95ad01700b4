/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Versions, packages and their signatures as rpm sees them; the only user of librpm.
 *
 * librpm keeps its macros in global state, so calls are serialized inside; nothing of the host's rpm configuration or
 * database is read.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* < 0, 0 or > 0, by rpmvercmp, for kernel releases as uname -r prints them, "5.10.134-18.al8.x86_64": an architecture
 * at the end is ignored, a missing release is older than any. */
int ccb_kver_compare(const char *a, const char *b);

/* Whether a version "[epoch:]version-release" meets a condition: one of >= <= > < = (which nothing stands for, too) and
 * "[epoch:]version[-release]".  What the condition leaves out is not compared. */
bool ccb_rpm_version_meets(const char *evr, const char *condition);

typedef struct {
    char *name;
    guint32 epoch; /* 0 where the package has none */
    char *version;
    char *release;
    char *arch;  /* "" for gpg-pubkey */
    char *nevra; /* name-[epoch:]version-release.arch */
} CcbRpmInfo;

void ccb_rpm_info_free(CcbRpmInfo *info); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbRpmInfo, ccb_rpm_info_free)

/* The installed packages in the rpm database in `directory` (a host path with rpmdb.sqlite,
 * Packages.db or the Berkeley DB file Packages, which is read without libdb), as CcbRpmInfo, in the
 * database's order; caller unrefs.  Nothing is written but what SQLite needs beside a database in WAL mode,
 * so give it a copy.  Errors: CCB_ERR_INPUT, also for a '%' in the path, which librpm would expand. */
GPtrArray *ccb_rpmdb_list(const char *directory, GError **error);

/* name-[epoch:]version-release.arch ► "name.arch" and what is between; caller frees both.  The last
 * two dashes count. */
char *ccb_rpm_split(const char *package, char **ret_evr);

/* Whether each of the files (NULL-terminated) holds armored OpenPGP public keys.  Errors: CCB_ERR_IO, CCB_ERR_INPUT. */
bool ccb_rpm_check_keys(const char *const *key_files, GError **error);

/* Whether the package file is as somebody signed it who has one of these keys: header and payload, by a signature of
 * the header and the digest of the payload in it, or by a signature of both.  The host's keys do not count.  Errors:
 * CCB_ERR_IO, CCB_ERR_INPUT. */
bool ccb_rpm_check_signature(const char *path, const char *const *key_files, GError **error);
