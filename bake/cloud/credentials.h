/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uploads.  For a server of Alibaba Cloud's it is whom the aliyun command line tool would take
 * (config.LoadProfileWithContext() in its source), in this order:
 *
 * 1. the current profile of ~/.aliyun/config.json, or the one that the environment names; what is
 *    empty there is filled from the environment, and without a profile all comes from there;
 * 2. what that tool does not know: $OSS_ACCESS_KEY_ID and its kin, ~/.alibabacloud/credentials, the
 *    RAM role of the ECS instance that this is, $ALIBABA_CLOUD_CREDENTIALS_URI.
 *
 * For another server access keys of the environment come first, those of $AWS_ACCESS_KEY_ID among
 * them.  A current profile that can't be used as it stands is passed over with a warning where
 * something else is found; one that was named is an error, and so is a service that refuses.
 *
 * A secret is never part of a message, an argument or a file of ccbake's, and nothing of the
 * process is dumped; what is kept here is overwritten when it is freed (base/secret.h).
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
    CcbProfile *origin; /* who was asked for them */
    bool is_renewable;  /* and may be asked for new ones */
    gint64 expires;     /* seconds since the epoch; 0: not known */
} CcbCredentials;

typedef struct {
    const char *profile; /* of the aliyun tool, and nothing else is looked at; NULL: see above */
    bool others;         /* the server is not Alibaba Cloud's */
} CcbCredentialsOptions;

/* Errors: CCB_ERR_HOST (there are none, a process gives none, a session is over), CCB_ERR_USAGE
 * (the profile), CCB_ERR_FETCH (a service can't be asked, or refuses), CCB_ERR_IO (a file of
 * theirs), CCB_ERR_CANCELLED. */
CcbCredentials *ccb_credentials_find(const CcbCredentialsOptions *options, GError **error);
void ccb_credentials_free(CcbCredentials *credentials); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCredentials, ccb_credentials_free)

/* Whether they expire within the next minutes, or have. */
bool ccb_credentials_are_old(const CcbCredentials *credentials);

/* Asks `origin` for the present ones.  Only with one.  Errors as above; they stay as they were. */
bool ccb_credentials_renew(CcbCredentials *credentials, GError **error);

/* Replaces the keys; copies what it is given.  `token` may be NULL. */
void ccb_credentials_set(CcbCredentials *credentials, const char *id, const char *secret,
                         const char *token, gint64 expires);

/* "2026-11-30T17:00:00Z" in seconds since the epoch; 0 for all that is no time, or NULL. */
gint64 ccb_credentials_parse_time(const char *text);

/* The access key ID, of which only the ends may be shown: "LTAI...wxyz".  Caller frees. */
char *ccb_credentials_shown_id(const CcbCredentials *credentials);

/* The ARN of whom they are, as Alibaba Cloud's STS says it: "acs:ram::1234567890123456:user/alice".
 * Caller frees.  Errors: CCB_ERR_FETCH, CCB_ERR_USAGE (the endpoint), CCB_ERR_CANCELLED. */
char *ccb_credentials_ask_arn(const CcbCredentials *credentials, GError **error);
