/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uploads.  Credentials come from, in this order: the environment, a profile of the aliyun
 * command line tool, the RAM role of the ECS instance that this is.
 *
 * A secret is never part of a message, an argument or a file of ccbake's, and nothing of the process
 * is dumped; what is kept here is overwritten when it is freed (base/secret.h).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *id, *secret;
    char *token;    /* of a session, or NULL */
    char *source;   /* where they come from, for messages */
    char *region;   /* of the profile or the environment; may be NULL */
    char *role;     /* not NULL: they are an instance's, and can be had anew */
    gint64 expires; /* seconds since the epoch; 0: not known */
} CcbCredentials;

typedef struct {
    const char *profile; /* of the aliyun tool, and nothing else is looked at; NULL: see above */
    bool others;         /* the server is not Alibaba Cloud's: the variables of AWS count, too */
} CcbCredentialsOptions;

/* Errors: CCB_ERR_HOST (there are none), CCB_ERR_USAGE (the profile), CCB_ERR_FETCH (the role can't
 * be asked), CCB_ERR_CANCELLED. */
CcbCredentials *ccb_credentials_find(const CcbCredentialsOptions *options, GError **error);
void ccb_credentials_free(CcbCredentials *credentials); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbCredentials, ccb_credentials_free)

/* Whether they expire within the next minutes, or have. */
bool ccb_credentials_are_old(const CcbCredentials *credentials);

/* Asks for the role's present ones.  Only with a role. */
bool ccb_credentials_renew(CcbCredentials *credentials, GError **error);
