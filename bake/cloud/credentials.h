/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The credentials of an upload.  For a server of Alibaba Cloud they are those that the aliyun command line
 * tool would use (config.LoadProfileWithContext() in its source), in this order:
 *
 * 1. the current profile of ~/.aliyun/config.json, or the one that the environment names; its empty
 *    fields are filled from the environment, and without a profile all comes from there;
 * 2. what that tool does not know: $OSS_ACCESS_KEY_ID and its kin, ~/.alibabacloud/credentials, the
 *    RAM role of the ECS instance that ccbake runs on, $ALIBABA_CLOUD_CREDENTIALS_URI.
 *
 * For another server, access keys of the environment come first, among them $AWS_ACCESS_KEY_ID.  A
 * current profile that can't be used is skipped, with a warning, if there is something else.  A
 * profile that was named must be usable, and a service that refuses is an error.
 *
 * A secret is never part of a message, an argument or a file that ccbake writes, and the process makes
 * no core dump; secrets in these structs are overwritten when they are freed (base/secret.h).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CcbProfile CcbProfile;

typedef struct {
    char *id, *secret;
    char *token;        /* of a session, or NULL */
    char *source;       /* where they come from, for messages */
    char *region;       /* of the profile or the environment; may be NULL */
    CcbProfile *origin; /* the profile that they belong to */
    bool is_renewable;  /* `origin` can give new ones */
    gint64 expires;     /* seconds since the epoch; 0: unknown */
} CcbCredentials;

typedef struct {
    const char *profile; /* of the aliyun tool: the only one to look at; NULL: see above */
    bool others;         /* the server is not one of Alibaba Cloud */
} CcbCredentialsOptions;

/* Errors: CCB_ERR_HOST (there are none, a process gives none, a session is over), CCB_ERR_USAGE (the
 * profile), CCB_ERR_FETCH (a service can't be asked, or refuses), CCB_ERR_IO (a file can't be read),
 * CCB_ERR_CANCELLED. */
CcbCredentials *ccb_credentials_find(const CcbCredentialsOptions *options, GError **error);
void ccb_credentials_free(CcbCredentials *credentials); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCredentials, ccb_credentials_free)

/* Gets new keys, if there are any, in the last five minutes before they expire.  Errors as above, but a service that
 * can't be asked is an error only when they have expired; the old keys stay then. */
bool ccb_credentials_renew_in_time(CcbCredentials *credentials, GError **error);

/* Replaces the keys with copies of these.  `token` may be NULL. */
void ccb_credentials_set(CcbCredentials *credentials, const char *id, const char *secret,
                         const char *token, gint64 expires);

/* "2026-11-30T17:00:00Z" in seconds since the epoch; 0 if it is not a time, or NULL. */
gint64 ccb_credentials_parse_time(const char *text);

/* The access key ID as it may be shown, which is only its ends: "LTAI...wxyz".  Caller frees. */
char *ccb_credentials_shown_id(const CcbCredentials *credentials);

/* The ARN of their owner, from Alibaba Cloud's STS: "acs:ram::1234567890123456:user/alice".  Caller
 * frees.  Errors: CCB_ERR_FETCH, CCB_ERR_USAGE (the endpoint), CCB_ERR_CANCELLED. */
char *ccb_credentials_ask_arn(const CcbCredentials *credentials, GError **error);
