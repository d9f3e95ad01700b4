/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles: whose keys to take, and how to get them.  A profile is a set of fields, which have the
 * names of those in ~/.aliyun/config.json of the aliyun command line tool ("config/profile.go" in its
 * source); other sources are converted to this form.  Private to this room.
 */
#pragma once

#include <jansson.h>

#include "cloud/credentials.h"

struct CcbProfile {
    char *shown;    /* where it comes from, for messages: 'the profile "acme" of /root/...' */
    char *name;     /* in `path`; NULL: it has none */
    char *path;     /* the aliyun tool's file; NULL: it is not from there */
    json_t *fields; /* strings, and a few numbers */
    json_t *others; /* all profiles of the same file, as they stand there; NULL: none */
    const CcbProfile *source_of; /* the profile that names this one as its source, or NULL */
};

/* A profile with this mode, or with no field if that is NULL.  Takes ownership of `shown`. */
CcbProfile *ccb_profile_new(char *shown, const char *mode);
void ccb_profile_free(CcbProfile *profile); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbProfile, ccb_profile_free)

/* The value of a field; NULL or 0 if it is missing or empty. */
const char *ccb_profile_get(const CcbProfile *profile, const char *field);
gint64 ccb_profile_get_number(const CcbProfile *profile, const char *field);

/* A NULL value does nothing. */
void ccb_profile_set(CcbProfile *profile, const char *field, const char *value);

/* The text of any JSON object, which may be NULL; NULL if it is missing or empty. */
const char *ccb_profile_text(const json_t *object, const char *key);

/* The name of the variable that fills this field if it is empty, or NULL. */
const char *ccb_profile_variable(const char *field);

/* The profile that the environment names, or NULL. */
const char *ccb_profile_named(void);

/* Whether the environment says to ignore the aliyun tool's file. */
bool ccb_profile_is_ignored(void);

/* The aliyun tool's file; caller frees. */
char *ccb_profile_path(void);

/* The profile `name` of the aliyun tool's file; NULL: the current one.  As in that tool, empty fields are
 * filled from the environment, and a missing mode is recognised by the fields that are there; it
 * stays NULL if they are not enough.  *ret stays NULL if there is no file or no such profile.
 * Errors: CCB_ERR_USAGE (the file), CCB_ERR_IO. */
bool ccb_profile_find(const char *name, CcbProfile **ret, GError **error);

/* The same from the environment alone. */
CcbProfile *ccb_profile_of_environment(void);

/* The profile `name` of the file that the SDKs of Alibaba Cloud read: ~/.alibabacloud/credentials, or
 * $ALIBABA_CLOUD_CREDENTIALS_FILE.  *ret and errors as for ccb_profile_find(). */
bool ccb_profile_find_shared(const char *name, CcbProfile **ret, GError **error);

/* The profile that this one names as its source, or NULL.  `profile` must outlive it. */
CcbProfile *ccb_profile_source(const CcbProfile *profile);
