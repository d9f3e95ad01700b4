/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles: what says whose keys are taken, and how they are had.  A profile is a set of fields,
 * with the names that ~/.aliyun/config.json of the aliyun command line tool has ("config/profile.go"
 * in its source); other sources are brought into that form.  Private to this room.
 */
#pragma once

#include <jansson.h>

#include "cloud/credentials.h"

struct CcbProfile {
    char *shown;    /* where it comes from, for messages: 'the profile "acme" of /root/...' */
    char *name;     /* in `path`; NULL where it has none */
    char *path;     /* NULL: of no file of the aliyun tool */
    json_t *fields; /* of strings, and a few numbers */
    json_t *others; /* the profiles of the same file, as they stand there; NULL: none */
};

/* Without fields.  Takes `shown`. */
CcbProfile *ccb_profile_new(char *shown);
void ccb_profile_free(CcbProfile *profile); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbProfile, ccb_profile_free)

/* The value of a field, or NULL where it is missing or empty. */
const char *ccb_profile_get(const CcbProfile *profile, const char *field);
gint64 ccb_profile_get_number(const CcbProfile *profile, const char *field);     /* 0: missing */
void ccb_profile_set(CcbProfile *profile, const char *field, const char *value); /* NULL: not set */

/* The name of the variable that fills this field where it is empty, or NULL. */
const char *ccb_profile_variable(const char *field);

/* The profile that the environment names, or NULL. */
const char *ccb_profile_named(void);

/* Whether the environment says that the aliyun tool's file is not to be read. */
bool ccb_profile_is_ignored(void);

/* The aliyun tool's file; caller frees. */
char *ccb_profile_path(void);

/* The profile `name` of the aliyun tool's file; NULL: the current one.  As that tool does it,
 * fields that are empty are filled from the environment, and a mode that is missing is recognised by
 * the fields; a mode that remains NULL says that there is nothing to go by.  *ret stays NULL where
 * the file is missing or has no such profile.  Errors: CCB_ERR_USAGE (the file), CCB_ERR_IO. */
bool ccb_profile_find(const char *name, CcbProfile **ret, GError **error);

/* As above, of the environment alone. */
CcbProfile *ccb_profile_of_environment(void);

/* The profile `name` of the file that the SDKs of Alibaba Cloud read: ~/.alibabacloud/credentials,
 * or $ALIBABA_CLOUD_CREDENTIALS_FILE.  *ret as above.  Errors as above. */
bool ccb_profile_find_shared(const char *name, CcbProfile **ret, GError **error);

/* The profile that this one names as its source, or NULL. */
CcbProfile *ccb_profile_source(const CcbProfile *profile);
