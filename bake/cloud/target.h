/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an upload goes: "oss://bucket/key", as OSS's command-line tools write it, and the endpoint that
 * serves the bucket.
 *
 * A request names the bucket in one of these ways ("Virtual hosting of buckets" in the user guide of S3;
 * OSS knows the first and the third):
 *
 *     virtual    https://BUCKET.HOST/KEY    the default, unless the endpoint is an IP address (then: path) or
 *                                           begins with the bucket (then: cname)
 *     path       https://HOST/BUCKET/KEY
 *     cname      https://HOST/KEY           the host is a domain that is bound to the bucket
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* --- Names */

/* Whose rules names follow. */
typedef enum {
    CCB_NAMES_OSS, /* "Bucket naming conventions" and "Object naming conventions" of OSS: keys of 1 to 1,023
                    * bytes that begin with neither slash */
    CCB_NAMES_S3, /* "Bucket naming rules" and "Object key naming" in the user guide of S3: periods in
                    * buckets, keys of up to 1,024 bytes */
} CcbNames;

/* Splits "oss://BUCKET/KEY".  The caller frees both; the key may be "", or end with a slash.  Errors:
 * CCB_ERR_USAGE (it has another form, or a name is not allowed). */
bool ccb_names_split(const char *url, CcbNames names, char **ret_bucket, char **ret_key,
                     GError **error);

/* Whether a key is allowed.  Errors: CCB_ERR_USAGE. */
bool ccb_names_check_key(const char *key, CcbNames names, GError **error);

/* --- Targets */

typedef struct {
    char *bucket, *key;
    char *region;
    char *origin;  /* "https://bucket.s3.oss-cn-beijing.aliyuncs.com" */
    char *host;    /* for the Host header */
    char *root;    /* "/" or "/bucket/": what stands before the key */
    char *server;  /* the same for all endpoints of a server, as far as that is known */
    char *shown;   /* "oss://bucket/key", for messages */
    bool is_oss;   /* by the name of the endpoint */
    bool in_clear; /* http to another host than this: what is sent can be read on the way */
} CcbTarget;

typedef enum {
    CCB_ADDRESSING_DEFAULT,
    CCB_ADDRESSING_VIRTUAL,
    CCB_ADDRESSING_PATH,
    CCB_ADDRESSING_CNAME,
} CcbAddressing;

typedef struct {
    const char *region;   /* NULL: from the endpoint, or else `fallback` */
    const char *fallback; /* the region of the environment or of a profile; may be NULL */
    const char *endpoint; /* NULL: OSS, in the region */
    CcbAddressing addressing;
    bool internal; /* OSS's endpoint inside the region's network */
} CcbTargetPlace;

/* `name`: appended to the key if `url` ends with the bucket or a slash; NULL: the key stays a prefix,
 * which may be empty.  Errors: CCB_ERR_USAGE. */
CcbTarget *ccb_target_parse(const char *url, const char *name, const CcbTargetPlace *place,
                            GError **error);
void ccb_target_free(CcbTarget *target); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbTarget, ccb_target_free)

/* Whether the endpoint is one of Alibaba Cloud; NULL is. */
bool ccb_target_is_oss(const char *endpoint);
